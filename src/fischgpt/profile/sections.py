"""Which JSON Resume section a heading opens, in English, German, French and Spanish."""

import re

from fischgpt.profile.bm25 import fold

# As `_key` folds them: lower case, no accents, "and" for &, und, et, y.
_NAMES = {
    "summary": "about|about me|profile|profil|summary|professional summary|career summary|executive summary|overview"
    "|personal statement|personal profile|professional profile|objective|career objective|introduction|bio|biography"
    "|kurzprofil|uber mich|zusammenfassung|a propos|a propos de moi|resume|perfil|sobre mi|resumen",
    "work": "work|experience|work experience|professional experience|employment|employment history|work history|career"
    "|career history|positions|positions held|appointments|relevant experience|professional background|internships"
    "|berufserfahrung|berufserfahrungen|beruflicher werdegang|berufliche erfahrung|berufspraxis|werdegang"
    "|berufstatigkeit|praktika|praktische erfahrung|experience professionnelle|experiences professionnelles|experiences"
    "|parcours professionnel|emplois|stages|experiencia|experiencia laboral|experiencia profesional",
    "volunteer": "volunteer|volunteering|volunteer experience|volunteer work|voluntary work|community"
    "|community service|social engagement|ehrenamt|ehrenamtliches engagement|engagement|soziales engagement|benevolat"
    "|engagement associatif|voluntariado",
    "education": "education|studies|academic background|academic history|academic qualifications|academics"
    "|education and training|qualifications|ausbildung|bildung|bildungsweg|schulbildung|schule|schulische ausbildung"
    "|studium|akademische ausbildung|hochschulbildung|hochschulausbildung|formation|formations|etudes|diplomes"
    "|parcours academique|educacion|formacion|formacion academica|estudios",
    "projects": "projects|personal projects|selected projects|key projects|side projects|open source|portfolio"
    "|open source contributions|projekte|eigene projekte|projets|projets personnels|proyectos",
    "skills": "skills|technical skills|core skills|key skills|top skills|soft skills|hard skills|it skills"
    "|computer skills|skills summary|competencies|core competencies|competences|technologies|tools|tech stack|expertise"
    "|technical expertise|areas of expertise|skills and tools|strengths|kenntnisse|fahigkeiten|kompetenzen"
    "|edv|edv kenntnisse|it kenntnisse|fachkenntnisse|besondere kenntnisse|technische kenntnisse|starken"
    "|competences techniques|competences informatiques|informatique|savoir faire|outils|habilidades|competencias"
    "|aptitudes|conocimientos",
    "publications": "publications|papers|selected publications|books|articles|writing|conference papers|patents"
    "|journal articles|publikationen|veroffentlichungen|publicaciones",
    "awards": "awards|honors|honours|prizes|achievements|accomplishments|distinctions|grants|fellowships|scholarships"
    "|key achievements|auszeichnungen|preise|stipendien|prix|bourses|premios|becas",
    "certificates": "certificates|certifications|certification|licenses|licences|professional development|courses"
    "|training|trainings|zertifikate|zertifizierungen|weiterbildung|weiterbildungen|fortbildung|fortbildungen"
    "|certificats|formations complementaires|certificaciones|certificados|cursos",
    "languages": "languages|language skills|language|sprachen|sprachkenntnisse|fremdsprachen|langues"
    "|langues etrangeres|competences linguistiques|idiomas",
    "interests": "interests|hobbies|hobbys|hobby|personal interests|activities|leisure|extracurricular activities"
    "|interessen|personliche interessen|freizeit|hobbys und interessen|centres d interet|centre d interet|loisirs"
    "|interets|passions|intereses|aficiones",
    "references": "references|referees|recommendations|testimonials|referenzen|recommandations|referencias",
    "contact": "contact|contact me|contact details|contact information|contact info|personal details|personal data"
    "|personal information|details|links|kontakt|kontaktdaten|personliche daten|personliche angaben|personalien"
    "|zur person|angaben zur person|coordonnees|informations personnelles|etat civil|contacto|datos personales",
}  # fmt: skip
_SECTIONS = {name: section for section, names in _NAMES.items() for name in names.split("|")}
_LAST_WORDS = frozenset(
    {"experience", "employment", "appointments", "education", "skills", "projects", "publications", "certifications",
     "awards", "kenntnisse"}
)  # fmt: skip
"""Headings that end so are of that section: "Research Experience", "Selected Projects"."""
_TITLE = re.compile(r"(curriculum vitae|cv|resume|lebenslauf|tabellarischer lebenslauf|curriculum)")

TITLE_AROUND_NAME = re.compile(
    r"^(?:(?:curriculum vitae|cv|r[eé]sum[eé]|lebenslauf)(?:\s*(?:of|von|de|[–—:|-]))+\s+)"
    r"|[\s,–—|:-]+(?:curriculum vitae|cv|r[eé]sum[eé]|lebenslauf)$",
    re.IGNORECASE,
)
"""The kind of document beside the name: `Ada Example – Curriculum Vitae`."""


def section_of(title: str) -> str | None:
    """The JSON Resume section that a heading opens, if it is a usual one."""
    if not title[:1].isupper() or title.rstrip()[-1:] in tuple(".,;"):
        return None  # the end of a sentence that was wrapped
    words = _key(title)
    if words in _SECTIONS:
        return _SECTIONS[words]
    parts = words.split(" and ")
    if all(part in _SECTIONS for part in parts):  # "Honours & Awards", "Skills and Interests"
        return _SECTIONS[parts[0]]
    last = words.rpartition(" ")[2]
    return _SECTIONS[last] if last in _LAST_WORDS and words.count(" ") < 3 and title.count(",") == 0 else None


def is_title(text: str) -> bool:
    """Whether a line names the kind of document and nothing else: `Curriculum Vitae`, `Lebenslauf`."""
    return bool(_TITLE.fullmatch(_key(text)))


def _key(title: str) -> str:
    words = re.sub(r"[^a-z ]+", " ", fold(title.replace("&", " and ").replace("/", " and "))).split()
    return " ".join("and" if word in ("und", "et", "y") else word for word in words)
