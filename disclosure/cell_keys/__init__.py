"""Cell-key perturbation of counts of persons: offered beside the noise, and not differentially private.

    1. `record_keys`  a uniform number for each person, under a key of its own
    2. `ptable`       what a count becomes by its cell's key, and which interval that leaves
    3. `tables`       a table of counts that were perturbed, margins among them

Sources: B. Fraser and J. Wooton, "A proposed method for confidentialising tabular output to protect against
differencing" (UNECE work session on statistical data confidentiality, Geneva 2005); J. K. Marley and V. L. Leaver, "A
method for confidentialising user-defined tables: statistical properties and a risk-utility analysis" (ISI 2011).
"""
