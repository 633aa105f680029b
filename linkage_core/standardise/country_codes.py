"""Code lists of countries beside ISO 3166-1: which code of which list means which ISO 3166-1 alpha-3 code.

Sources: ICAO Doc 9303 part 3, section 5 (travel documents); the International Olympic Committee's codes, past ones
included; FIPS 10-4 with its last changes, as GeoNames lists them; the distinguishing signs of vehicles in international
traffic (Conventions of 1949 and 1968). Only what differs from alpha-3 is listed for ICAO and IOC: any other alpha-3
code is accepted there.

The lists are codes that public bodies assign: facts, for which no licence is due. GeoNames, under CC BY 4.0, is
acknowledged for FIPS 10-4. The Olympic list was first drawn from a package's table, then compared code by code with a
mapping that another project keeps: all 90 that both have and that stand for one country agree, and where that mapping
names one successor (EUN, TCH, URS) this list keeps the former state. Eight past codes are in this list alone (LIB, ROM,
ZAI, CEY, RHO, VOL, DAH, YAR); codes used at single Games before 1972 are in neither, and read as unknown.
"""

from typing import Final

from linkage_core.standardise.text import listed


def codes_by(table: str) -> dict[str, str]:
    """Return a table written as one text, `spelling=alpha-3 code`, entries separated by `|`."""
    return {spelling: country for spelling, _, country in (entry.partition("=") for entry in listed(table))}


FORMER: Final = frozenset({"SUN", "YUG", "CSK", "SCG", "ANT", "PCI", "GEL"})
"""Withdrawn alpha-3 codes of states with several successors: kept, since which successor is meant is unknown."""

SUCCESSORS: Final[dict[str, tuple[str, ...]]] = {
    code: tuple(countries.split())
    for code, countries in {
        "SUN": "ARM AZE BLR EST GEO KAZ KGZ LTU LVA MDA RUS TJK TKM UKR UZB",
        "YUG": "BIH HRV MKD MNE SRB SVN XKX",
        "CSK": "CZE SVK",
        "SCG": "MNE SRB XKX",
        "ANT": "BES CUW SXM",
        "PCI": "FSM MHL MNP PLW",
        "GEL": "KIR TUV",
    }.items()
}
"""The countries that a former state's people may be recorded under today."""

RENAMED: Final = codes_by(
    "ddr=DEU|bur=MMR|zar=COD|tmp=TLS|dhy=BEN|hvo=BFA|rho=ZWE|nhb=VUT|bys=BLR|skm=IND|afi=DJI|fxx=FRA|pcz=PAN|vdr=VNM|"
    "ymd=YEM|rom=ROU|dd=DEU|bu=MMR|zr=COD|tp=TLS|dy=BEN|hv=BFA|rh=ZWE|nh=VUT|fx=FRA|vd=VNM|yd=YEM|su=SUN|yu=YUG|an=ANT|"
    "278=DEU|280=DEU|810=SUN|890=YUG|200=CSK|530=ANT|532=ANT|720=YEM|886=YEM|230=ETH|736=SDN|249=FRA"
)
"""Withdrawn alpha-3, alpha-2 and numeric codes with one successor, or of a former state."""

ICAO: Final = codes_by("d=DEU|gbd=GBR|gbn=GBR|gbo=GBR|gbp=GBR|gbs=GBR|rks=XKX|unk=XKX|zim=ZWE")
"""Germany's one letter; British nationalities; Kosovo, also as a resident under the United Nations' mission."""

ICAO_NO_COUNTRY: Final = frozenset(
    listed("xxa|xxb|xxc|xxx|uno|una|xom|xpo|xba|xim|xcc|xce|xco|xec|xmp|xes|xdc|xct|eue|xau|iao|uto")
)
"""Stateless persons, refugees, unspecified nationality and organisations: no country, and no fault."""

IOC: Final = codes_by(
    "alg=DZA|ang=AGO|ant=ATG|aru=ABW|asa=ASM|bah=BHS|ban=BGD|bar=BRB|ber=BMU|bhu=BTN|biz=BLZ|bot=BWA|brn=BHR|"
    "bru=BRN|bul=BGR|bur=BFA|cam=KHM|cay=CYM|cgo=COG|cha=TCD|chi=CHL|crc=CRI|cro=HRV|den=DNK|esa=SLV|fij=FJI|"
    "gam=GMB|gbs=GNB|geq=GNQ|ger=DEU|gre=GRC|grn=GRD|gua=GTM|gui=GIN|hai=HTI|hon=HND|ina=IDN|iri=IRN|isv=VIR|"
    "ivb=VGB|kos=XKX|ksa=SAU|kuw=KWT|lat=LVA|lba=LBY|les=LSO|mad=MDG|mas=MYS|maw=MWI|mgl=MNG|mon=MCO|mri=MUS|"
    "mtn=MRT|mya=MMR|nca=NIC|ned=NLD|nep=NPL|ngr=NGA|nig=NER|oma=OMN|par=PRY|phi=PHL|ple=PSE|por=PRT|pur=PRI|"
    "rsa=ZAF|sam=WSM|sey=SYC|skn=KNA|slo=SVN|sol=SLB|sri=LKA|sud=SDN|sui=CHE|tan=TZA|tga=TON|tog=TGO|tpe=TWN|"
    "uae=ARE|uru=URY|van=VUT|vie=VNM|vin=VCT|zam=ZMB|zim=ZWE|"
    "lib=LBN|sin=SGP|rom=ROU|tri=TTO|urs=SUN|eun=SUN|tch=CSK|gdr=DEU|frg=DEU|aho=ANT|zai=COD|cey=LKA|rho=ZWE|vol=BFA|"
    "dah=BEN|yar=YEM"
)
"""Codes of National Olympic Committees that are not the country's alpha-3 code."""

FIPS: Final = codes_by(
    "aa=ABW|ac=ATG|ae=ARE|af=AFG|ag=DZA|aj=AZE|al=ALB|am=ARM|an=AND|ao=AGO|aq=ASM|ar=ARG|as=AUS|au=AUT|av=AIA|"
    "ay=ATA|ba=BHR|bb=BRB|bc=BWA|bd=BMU|be=BEL|bf=BHS|bg=BGD|bh=BLZ|bk=BIH|bl=BOL|bm=MMR|bn=BEN|bo=BLR|bp=SLB|"
    "br=BRA|bt=BTN|bu=BGR|bv=BVT|bx=BRN|by=BDI|ca=CAN|cb=KHM|cd=TCD|ce=LKA|cf=COG|cg=COD|ch=CHN|ci=CHL|cj=CYM|"
    "ck=CCK|cm=CMR|cn=COM|co=COL|cq=MNP|cs=CRI|ct=CAF|cu=CUB|cv=CPV|cw=COK|cy=CYP|da=DNK|dj=DJI|do=DMA|dr=DOM|"
    "ec=ECU|eg=EGY|ei=IRL|ek=GNQ|en=EST|er=ERI|es=SLV|et=ETH|ez=CZE|fg=GUF|fi=FIN|fj=FJI|fk=FLK|fm=FSM|fo=FRO|"
    "fp=PYF|fr=FRA|fs=ATF|ga=GMB|gb=GAB|gg=GEO|gh=GHA|gi=GIB|gj=GRD|gk=GGY|gl=GRL|gm=DEU|gp=GLP|gq=GUM|gr=GRC|"
    "gt=GTM|gv=GIN|gy=GUY|ha=HTI|hk=HKG|hm=HMD|ho=HND|hr=HRV|hu=HUN|ic=ISL|id=IDN|im=IMN|in=IND|io=IOT|ir=IRN|"
    "is=ISR|it=ITA|iv=CIV|iz=IRQ|ja=JPN|je=JEY|jm=JAM|jo=JOR|ke=KEN|kg=KGZ|kn=PRK|kr=KIR|ks=KOR|kt=CXR|ku=KWT|"
    "kv=XKX|kz=KAZ|la=LAO|le=LBN|lg=LVA|lh=LTU|li=LBR|lo=SVK|ls=LIE|lt=LSO|lu=LUX|ly=LBY|ma=MDG|mb=MTQ|mc=MAC|"
    "md=MDA|mf=MYT|mg=MNG|mh=MSR|mi=MWI|mj=MNE|mk=MKD|ml=MLI|mn=MCO|mo=MAR|mp=MUS|mr=MRT|mt=MLT|mu=OMN|mv=MDV|"
    "mx=MEX|my=MYS|mz=MOZ|nc=NCL|ne=NIU|nf=NFK|ng=NER|nh=VUT|ni=NGA|nl=NLD|nn=SXM|no=NOR|np=NPL|nr=NRU|ns=SUR|"
    "nt=ANT|nu=NIC|nz=NZL|od=SSD|pa=PRY|pc=PCN|pe=PER|pk=PAK|pl=POL|pm=PAN|po=PRT|pp=PNG|ps=PLW|pu=GNB|qa=QAT|"
    "re=REU|ri=SRB|rm=MHL|rn=MAF|ro=ROU|rp=PHL|rq=PRI|rs=RUS|rw=RWA|sa=SAU|sb=SPM|sc=KNA|se=SYC|sf=ZAF|sg=SEN|"
    "sh=SHN|si=SVN|sl=SLE|sm=SMR|sn=SGP|so=SOM|sp=ESP|st=LCA|su=SDN|sv=SJM|sw=SWE|sx=SGS|sy=SYR|sz=CHE|tb=BLM|"
    "td=TTO|th=THA|ti=TJK|tk=TCA|tl=TKL|tn=TON|to=TGO|tp=STP|ts=TUN|tt=TLS|tu=TUR|tv=TUV|tw=TWN|tx=TKM|tz=TZA|"
    "uc=CUW|ug=UGA|uk=GBR|up=UKR|us=USA|uv=BFA|uy=URY|uz=UZB|vc=VCT|ve=VEN|vi=VGB|vm=VNM|vq=VIR|vt=VAT|wa=NAM|"
    "we=PSE|wf=WLF|wi=ESH|ws=WSM|wz=SWZ|yi=SCG|ym=YEM|za=ZMB|zi=ZWE"
)
"""FIPS 10-4: two letters, most of them another country's in ISO 3166."""

ROAD: Final = codes_by(
    "a=AUT|afg=AFG|al=ALB|and=AND|am=ARM|aus=AUS|az=AZE|b=BEL|bd=BGD|bds=BRB|bg=BGR|bih=BIH|br=BRA|by=BLR|c=CUB|cdn=CAN|"
    "ch=CHE|ci=CIV|cl=LKA|co=COL|cr=CRI|cy=CYP|cz=CZE|d=DEU|dk=DNK|dz=DZA|e=ESP|eak=KEN|eat=TZA|eau=UGA|est=EST|et=EGY|"
    "f=FRA|fin=FIN|fl=LIE|fo=FRO|gb=GBR|uk=GBR|ge=GEO|gh=GHA|gr=GRC|h=HUN|hkj=JOR|hr=HRV|i=ITA|il=ISR|ind=IND|ir=IRN|"
    "irl=IRL|irq=IRQ|is=ISL|j=JPN|ja=JAM|kg=KGZ|kwt=KWT|kz=KAZ|l=LUX|lt=LTU|lv=LVA|m=MLT|ma=MAR|mc=MCO|md=MDA|mex=MEX|"
    "mk=MKD|nmk=MKD|mne=MNE|n=NOR|nl=NLD|nz=NZL|p=PRT|pe=PER|pk=PAK|pl=POL|q=QAT|ra=ARG|rc=TWN|rch=CHL|ri=IDN|rks=XKX|"
    "rl=LBN|ro=ROU|rok=KOR|rp=PHL|rsm=SMR|rus=RUS|s=SWE|sa=SAU|sk=SVK|slo=SVN|srb=SRB|su=SUN|sgp=SGP|syr=SYR|t=THA|"
    "tj=TJK|tm=TKM|tn=TUN|tr=TUR|ua=UKR|usa=USA|uz=UZB|v=VAT|vn=VNM|wan=NGA|yu=YUG|yv=VEN|za=ZAF|cs=CSK|ddr=DEU"
)
"""Signs on vehicles."""

US_STATES: Final = frozenset(
    listed(
        "al|ak|az|ar|ca|co|ct|de|dc|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|nc|nd|oh|"
        "ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy"
    )
)
"""Postal abbreviations of the states of the USA and the District of Columbia."""
