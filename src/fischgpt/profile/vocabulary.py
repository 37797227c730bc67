"""Words by which the parts of an entry are told apart: occupations, organisations, schools, degrees."""

import re

ROLE = re.compile(
    r"\b(engineer|developer|manager|director|head|lead|leader|chief|officer|c[etfo]o|president|analyst|scientist"
    r"|researcher|professor|lecturer|teacher|tutor|assistant|associate|intern|trainee|apprentice|consultant|designer"
    r"|architect|administrator|coordinator|specialist|technician|nurse|doctor|physician|surgeon|chef|cook|waiter"
    r"|waitress|baker|driver|clerk|accountant|lawyer|attorney|editor|writer|journalist|author|founder|co-founder"
    r"|partner|owner|member|volunteer|mentor|coach|trainer|programmer|student|fellow|governess|secretary|supervisor"
    r"|operator|paramedic|mechanic|electrician|carpenter|illustrator|listener|speaker|agent|representative|salesperson"
    r"|cashier|barista|librarian|curator|translator|interpreter|artist|musician|photographer|pilot|captain|scout"
    r"|helper|worker|executive|advisor|adviser|advocate|strategist|planner|producer|instructor|postdoc|gardener|farmer"
    r"|foreman|inspector|conductor|economist|statistician|pharmacist|therapist|psychologist|dentist|midwife|plumber"
    r"|welder|machinist|buyer|broker|banker|auditor|recruiter|receptionist|guard|firefighter|chairperson|chair"
    r"|marketer|copywriter|animator|tester|postdoctoral|doctoral|chercheu[rs]e?|ing[eé]nieure?|d[eé]veloppeu(?:r|se)"
    r"|chemist|vet|cheffe|responsable|directeur|directrice|stagiaire|assistante|professeure?|comptable|vendeu(?:r|se)|consultante"
    r"|charg[eé]e?|ingenier[oa]|desarrollador[a]?|diseñador[a]?|enfermer[oa]|maestr[oa]|gerente|profesor[a]?|becari[oa])s?\b"
    r"|\w(?:ologist|icist|ographer|arian|ician|keeper|smith|maker)s?\b"
    r"|(?:leiter|ingenieur|entwickler|berater|referent|mitarbeiter|praktikant|assistent|student|führer|bearbeiter"
    r"|verkäufer|lehrer|techniker|mechaniker|kauffrau|kaufmann|arbeiter|forscher|pfleger|schwester|arzt|ärzt|architekt"
    r"|informatiker|azubi|auszubildende|volontär|redakteur|manager)(?:in|r|n)?\b",
    re.IGNORECASE,
)
SCHOOL = re.compile(
    r"(universi|université|college|school|institut|academ|polytechn|hochschule|gymnasium|lyc[eé]e|[eé]cole|facult"
    r"|conservator|\bETH\b|\bMIT\b|\bEPFL\b|\bUC[LB]?\b|seminary|kolleg|schule\b|\bTU\b|\bRWTH\b|\bLMU\b|\bKTH\b|\bLSE\b|\bIIT\b|\bINSA\b)",
    re.IGNORECASE,
)
DEGREE = re.compile(
    r"\b(?:(?:b\.?\s?sc|m\.?\s?sc|b\.?\s?a\.?sc|b\.?s\.?|m\.?s\.?|b\.?a|m\.?a|b\.?eng|m\.?eng|mba|ph\.?\s?d|d\.?phil|pgce)\b|bachelor|master|doctor"
    r"|diplom|degree|abitur|a-levels?|licence|baccalaur|certificate|minor|major|apprenticeship|\bb\.?e\b|\bb\.?f\.?a\b|\bb\.?tech|\bm\.?tech|\bll\.?[bm]\b|magister|promotion|lehre\b|doctorat|dipl[oô]me|matura)",
    re.IGNORECASE,
)
BARE = re.compile(
    r"\(.*?\)|\b(?:of|in|with|honou?rs|sciences?|arts|applied|fine|engineering|business|administration|philosophy|laws"
    r"|education|degree)\b",
    re.IGNORECASE,
)
"""What belongs to a degree's name: `Bachelor of Applied Science (BASc)` names no subject yet."""
ORGANISATION = re.compile(
    r"\b(inc|ltd|llc|gmbh|ag|s\.?a|plc|corp|company|co|group|bank|hospital|clinic|university|college|school|institut"
    r"|academy|service|ministry|department|council|foundation|society|association|museum|library|labs?|studios?"
    r"|agency|restaurant|hotel|without borders|red cross|samaritans|team|club|systems|software|storage|holding|trust"
    r"|charity|theat(?:re|er)|opera|orchestra|press|airport|airline|railway|"
    r"logistics|consulting|partners|embassy|parliament|court|village|farm)s?\b",
    re.IGNORECASE,
)


def is_role(text: str) -> bool:
    """Whether a text holds the word for an occupation."""
    return bool(ROLE.search(text))


def is_organisation(text: str) -> bool:
    """Whether a text holds a word that names of organisations have."""
    return bool(ORGANISATION.search(text) or SCHOOL.search(text))
