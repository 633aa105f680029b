"""Nicknames and usual equivalents of given names: each reduced to one root.

A table of general knowledge, made for this project. Per language `root: variants`, entries separated by `|`. Listed are
forms that point to one given name for nearly everyone who bears them; what stands for several (Chris, Pat, Sam, Lena,
Max) is left out, and where it stands for the man's and the woman's name both are reduced to one root (Sasha). A name is
listed under one root only, whatever the language: one table for all files, since a file does not say whose names it
holds. Forms of one name in neighbouring languages that registers translate (Oleksandr, Aleksandr) share a root as well;
names that are merely related (John, Juan, Ivan) do not.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from linkage_core.standardise.names import standardise_given_name

NICKNAMES: Final = {
    "English": (
        "abigail: abby,abbie|albert: bertie|alfred: alf,alfie|andrew: andy|anthony: tony,antony|archibald: archie|"
        "arthur: artie|barbara: barb,babs,barbie|benjamin: benjy,bennie|bernard: bernie|bradley: brad|"
        "caroline: carrie|catherine: katherine,kathryn,katharine,cathy,kathy,kate,katie,cathryn,catharine|"
        "charles: charlie,chuck,chas,charley|christine: chrissie|christopher: kit,kris|clifford: cliff|"
        "cynthia: cindy|daniel: dan,danny,danniel|david: dave,davey,davie|deborah: debbie,deb,debra,debby|"
        "dennis: denny|donald: don,donnie|dorothy: dot,dottie,dolly|douglas: doug|edward: ed,eddie,eddy,ned|"
        "eleanor: nell,nellie,elinor|elizabeth: liz,lizzie,beth,betty,betsy,bess,bessie,eliza,libby,elisabeth,lisbeth,"
        "babette|eugene: gene|florence: flo,florrie|frederick: fred,freddie,freddy,fredrick,frederic|"
        "gabrielle: gaby|geoffrey: geoff,jeff,jeffrey,jeffery|gerald: gerry,jerry|gregory: greg,gregg|"
        "harold: hal|helen: nelly|henry: hank,henri|herbert: herb|isabella: izzy,bella|jacob: jake|"
        "jacqueline: jackie,jacqui|james: jim,jimmy,jamie,jimmie,jem|jennifer: jen,jenny,jennie|"
        "jessica: jess,jessie|joanna: joanne,joann|john: jack,johnny,johnnie|jonathan: jonny,johnathan|"
        "joseph: joe,joey|joshua: josh|judith: judy,judi|kenneth: ken,kenny|kimberly: kimberley|"
        "lawrence: larry,laurence,lawrie|leonard: len,lenny|leslie: les|lillian: lilian|lucille: lucy|"
        "madeleine: maddy,maddie,madeline|margaret: maggie,peggy,meg,marge,margie,peg,madge,margery|"
        "matthew: matt,mathew|michael: mike,mick,mickey,micheal|mildred: millie|mitchell: mitch|"
        "natalie: nat|nathaniel: nate|nicholas: nick,nicky,nicolas|pamela: pam|patricia: patty,patsy,tricia,trish|"
        "patrick: paddy|penelope: penny|peter: pete|philip: phil,phillip|prudence: prue|rachel: rachael|"
        "randolph: randy|raymond: ray|rebecca: becky,becca,rebekah|reginald: reg,reggie|"
        "richard: dick,rick,ricky,rich,richie|robert: bob,bobby,rob,robbie,bobbie|roderick: rod|"
        "ronald: ron,ronnie|rosemary: rosie|russell: russ|samantha: sammie|sarah: sally,sadie,sara|"
        "stanley: stan|stephen: steve,stevie,steven,stephan|susan: sue,susie,suzy,suzie,susanna,susannah,suzanne|"
        "sylvester: sly|terence: terrence|theodore: ted,theo|theresa: tess,terri,teresa|thomas: tom,tommy|"
        "timothy: tim,timmy|valerie: val|victor: vic|victoria: vicky,vicki,tori|vincent: vince,vinny|"
        "virginia: ginny|walter: walt,wally|wilfred: wilf|william: bill,billy,will,willie,willy|"
        "winifred: winnie|yvonne: evonne|zachary: zach,zack,zak"
    ),
    "Russian, Ukrainian, Belarusian": (
        "aleksandr: sasha,shura,sanya,oleksandr,aliaksandr,aleksandra,oleksandra,alexandr,olexandr,alexander,alexandra,"
        "alex,sascha,sacha,alexandre,aleksander,aleksandar,aleksandre,alec,aleks,alek|"
        "aleksey: alyosha,lyosha,alesha,oleksiy,aliaksei,aleksei,alexey,alexei,aleksej,oleksii,oleksij|"
        "alla: alochka|anastasiya: nastya,anastasia,nastia,anastasiia|anatoliy: tolya,tolik,anatoly,anatolij,anatolii|"
        "andrey: andrei,andriy,andrej,andryusha,andrii|anna: anya,hanna,ania,anyuta,annie,anne,ann,nyura|"
        "anton: antosha|arkadiy: arkasha,arkady|artem: tyoma,tema,artyom,artiom|boris: borya,borys,barys|"
        "darya: dasha,daria,dariya,dariia|denis: deniska,denys|dmitriy: dima,mitya,dmytro,dmitry,dmitri,dmitrii,"
        "dimitri,dzmitry,dimka|ekaterina: katya,kateryna,katerina,yekaterina,katia,katja,katsiaryna,jekaterina|"
        "elena: olena,yelena,alyona,lenochka,jelena,helena,elene|"
        "elizaveta: liza,yelyzaveta,lizaveta,yelizaveta|"
        "evgeniy: zhenya,evgeny,evgenii,yevgeniy,yevgeny,yevhen,evgeni,evgenij,evgeniya,yevheniya,evgenia,yevgeniya,"
        "jewgeni,yauhen|fedor: fedya,fyodor,fyodr,fedir|galina: galya,halyna,halina|"
        "gennadiy: gena,gennady,hennadiy,gennadij|georgiy: gosha,zhora,heorhiy,georgy|grigoriy: grisha,hryhoriy,"
        "grigory,grigori,hryhorii|igor: ihor,igoryok|ilya: ilyusha,illia,ilia|inna: innochka|irina: ira,iryna,irusya|"
        "ivan: vanya,vanyusha|konstantin: kostya,kostia,kostyantyn,kanstantsin|kseniya: ksyusha,xenia,kseniia,"
        "ksenia,xeniya|larisa: larysa|leonid: lyonya,lenya|lidiya: lida,lidia|"
        "lyubov: lyuba,lubov,liubov,ljubov,luba|lyudmila: lyuda,lyudmyla,ludmila,liudmila,ljudmila,lyusya|"
        "mariya: masha,manya,mariia,marusya,marija,maria,marie,mary|maksim: maxim,maksym,maxym|margarita: rita|"
        "mikhail: misha,mykhailo,mykhaylo,mihail,michail,mixail,mikheil|nadezhda: nadya,nadiya,nadiia,nadezda|"
        "natalya: natasha,nataliya,nataliia,natalia,natallia,natalja,nata|"
        "nikita: mykyta|nikolay: kolya,mykola,nikolai,mikalai,nikolaj|oleg: oleh,aleh|olga: olya,olha,volha,olia|"
        "pavel: pasha,pavlo,pavlik,paviel|petr: petya,petro,pyotr,piotr,pyatro|polina: polya|roman: roma|"
        "sergey: seryozha,serezha,serhiy,sergei,siarhei,serhii,sergej,seroja|sofiya: sonya,sofia,sofya,sofiia|"
        "stanislav: stas|stepan: styopa|svetlana: sveta,svitlana,sviatlana,svieta|"
        "tatyana: tanya,tetyana,tetiana,tatiana,tatsiana,tatjana,tania,tanja|timofey: timosha,tymofiy|"
        "vadim: vadym,vadik|valentin: valya,valentyn,valentina,valentyna|valeriy: valera,valery,valerii,valerij|"
        "vasiliy: vasya,vasyl,vasily,vasilii,vasilij|veniamin: venya|vera: vira,verochka|"
        "viktor: vitya,viktar|viktoriya: vika,viktoria,viktoriia|vitaliy: vitalik,vitaly,vitali,vitalii|"
        "vladimir: vova,volodya,volodymyr,uladzimir,wladimir,vovka|vladislav: vladik,vladyslav,uladzislau|"
        "vyacheslav: slavik,viacheslav,viachaslau|yakov: yasha,jakov,yakiv|yaroslav: yarik|yuliya: yulya,yulia,iuliia,"
        "julia,julija,yuliia,iulia,julie|yuriy: yura,yuri,yury,iurii,juri,jurij,yurii,yuryi|zinaida: zina,zinayida"
    ),
    "Georgian": (
        "giorgi: gia,gio,goga,gogi,goka,giga|davit: dato,datuna,daviti|nikoloz: nika,niko|besarion: beso,besik|"
        "ioseb: soso,iosebi|irakli: ika,rako|vakhtang: vakho,vato|tamar: tako,tamuna,tamari,tamriko|"
        "ketevan: keti,keto,kato,ketino,ketevani|nino: ninuca|zurab: zura,zuriko|levan: levani|"
        "konstantine: kote|shalva: shaliko|revaz: rezo|tengiz: tengo|guram: guramiko|mariam: mariami|"
        "manana: manano|teimuraz: temuri,temo|otar: otari|grigol: grigola|avtandil: avto,avtandili"
    ),
    "German": (
        "johannes: hans,hannes,johann|josef: sepp|georg: schorsch|ludwig: lutz|heinrich: heinz,heiner|"
        "friedrich: fritz,frieder|wilhelm: willi|matthias: matze|bernhard: bernd|gerhard: gerd,gert|dietrich: dieter|"
        "konrad: kurt|ulrich: uli,ulli,utz|wolfgang: wolfi|rudolf: rudi,rolf|"
        "elfriede: friedel|gertrud: trude,gerti|katharina: kathi,katrin,kathrin|margarete: grete,gretel|"
        "sebastian: basti|ursula: uschi,ulla|brigitte: gitte,biggi|christoph: stoffel,christof"
    ),
    "Polish": (
        "jan: janek|stanislaw: staszek,stach|wojciech: wojtek|tadeusz: tadek|jozef: jozek,jozio|"
        "kazimierz: kazik|zbigniew: zbyszek|krzysztof: krzysiek,krzys|grzegorz: grzesiek|andrzej: jedrek,andrzejek|"
        "malgorzata: gosia,malgosia|katarzyna: kasia,kaska|agnieszka: aga|barbara: basia|joanna: asia,joasia|"
        "elzbieta: elka|jadwiga: jadzia|magdalena: magda,madzia|tomasz: tomek|pawel: pawelek|lukasz: lukaszek|"
        "jerzy: jurek|zofia: zosia|jakub: kuba|michal: michalek|wladyslaw: wladek|bozena: bozenka|ewa: ewka"
    ),
    "Spanish, Portuguese": (
        "francisco: paco,pancho,curro,kiko,chico|jose: pepe,pepito,ze|ignacio: nacho|guadalupe: lupe|"
        "dolores: lola|concepcion: concha,conchita|rosario: charo|mercedes: merche|enrique: quique,kike|"
        "eduardo: edu,lalo|alberto: beto|roberto: robertito|guillermo: memo|jesus: chucho,chuy|rafael: rafa|"
        "manuel: manolo,manolito|antonio: antonito,tonho|isabel: chabela|consuelo: chelo|soledad: sole|"
        "gregorio: goyo|luis: lucho|joao: joaozinho|alejandro: jandro|graciela: chela|teodoro: teo|pilar: pili"
    ),
    "French": (
        "marguerite: margot|charlotte: lotte|christophe: tophe|frederique: fredo|"
        "madeleine: mado|jacques: jacquot|pierre: pierrot|jeanne: jeannette|emmanuel: manu|francois: fanfan"
    ),
    "Italian": (
        "giuseppe: beppe,peppe,peppino,pino|francesca: checca|luigi: gigi,gino|giovanni: gianni,nanni|"
        "domenico: mimmo|salvatore: totò,turi|vincenzo: enzo|lorenzo: renzo|alessandro: ale|antonella: anto"
    ),
    "Greek": (
        "georgios: giorgos,yorgos,giorgis|ioannis: giannis,yannis,yiannis|konstantinos: kostas,dinos,ntinos,"
        "constantinos|dimitrios: dimitris,mitsos|nikolaos: nikos|athanasios: thanasis,sakis|panagiotis: panos,takis|"
        "vasileios: vasilis,vasilios|evangelos: vangelis,evaggelos|spyridon: spyros|"
        "emmanouil: manolis|aikaterini: katerini|charalampos: babis,mpampis,haris|efstathios: stathis"
    ),
    "Arabic, Turkish, Persian": (
        "muhammad: mohd,muhd,mohamed,mohammad,mohammed,muhammed,mohamad,mouhamed,mehmet,mehmed,muhammet,mohamud|"
        "ahmad: ahmed,ahmet|mustafa: mostafa,moustafa,mustapha,mostapha|fatima: fatma,fatimah,fatemeh,fatimeh,"
        "fatoumata|khadija: khadijah,hatice,khadidja|aisha: aicha,ayesha,ayse,aysha,aishah|ibrahim: brahim,ebrahim|"
        "yusuf: yousef,youssef,yousuf,yusef,yosef,yussuf|husayn: hussein,hossein,hocine,husain,huseyin,hussain,"
        "housseine|hasan: hassan,hassane|ali: aly|umar: omar,omer|uthman: osman,othman,usman|ismail: esmail,"
        "ismael,smail"
    ),
    "Czech, Slovak, Serbian, Croatian, Bulgarian, Romanian, Hungarian": (
        "frantisek: franta|vaclav: vasek|jaroslav: jarda|miroslav: mirek|zdenek: zdenda|ladislav: laco|"
        "nikola: nidzo|dragoslav: dragi|slobodan: sloba,boban|ivanka: vanka|"
        "stoyan: stoicho|atanas: nasko|todor: tosho|gheorghe: ghita,gigel|constantin: costel,costica|"
        "istvan: pista|laszlo: laci|ferenc: feri|gyorgy: gyuri|jozsef: jozsi|zoltan: zoli|erzsebet: bozsi,zsoka|"
        "katalin: kati|ilona: ilus"
    ),
}  # fmt: skip
"""Roots and their variants by language: in small letters as people write them; standardised when looked up."""


def entries() -> Iterator[tuple[str, str]]:
    """Yield every variant with its root, both standardised, in the table's order."""
    for table in NICKNAMES.values():
        for entry in table.split("|"):
            root, _, variants = entry.partition(":")
            for variant in variants.split(","):
                yield standardise_given_name(variant)[0], standardise_given_name(root)[0]


@cache
def roots() -> dict[str, str]:
    """Return the root of each listed variant."""
    return dict(entries())


def root_of(word: str) -> str:
    """Return the root of a standardised given name, which is the name itself if it is not listed."""
    return roots().get(word, word)
