"""200 ways to make a page run what somebody wrote: 50 known vectors, each as it is and inside what Markdown may hold.

What runs sets `window.__xss` or opens a dialog; what only the page's policy stopped is a violation of it.
"""

_RUN = "window.__xss=1"
VECTORS = (
    f"<script>{_RUN}</script>",
    f"<ScRiPt >{_RUN}</sCrIpT>",
    f"<<script>script>{_RUN}</script>",
    f"<script/x>{_RUN}</script>",
    "<script src=data:text/javascript,window.__xss=1></script>",
    "<script src=//example.org/x.js></script>",
    f'<img src=x onerror="{_RUN}">',
    f"<img src=x onerror={_RUN}//",
    f"<IMG SRC=x OnErRoR={_RUN}>",
    f"<img/src=x/onerror={_RUN}>",
    f"<img src='x' onerror='{_RUN}'",
    "<img src=javascript:window.__xss=1>",
    f"<svg onload={_RUN}>",
    f"<svg/onload={_RUN}>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    '<svg><a xlink:href="javascript:window.__xss=1"><text y=20>click</text></a></svg>',
    f"<svg><style><img src=x onerror={_RUN}></style></svg>",
    f"<math><mtext><img src=x onerror={_RUN}></mtext></math>",
    f"<body onload={_RUN}>",
    f"<iframe onload={_RUN}></iframe>",
    f'<iframe srcdoc="<script>parent.{_RUN.removeprefix("window.")}</script>"></iframe>',
    '<iframe src="javascript:parent.__xss=1"></iframe>',
    '<object data="javascript:window.__xss=1"></object>',
    '<embed src="javascript:window.__xss=1">',
    f"<video><source onerror={_RUN}></video>",
    f"<audio src=x onerror={_RUN}>",
    f"<details open ontoggle={_RUN}>",
    f"<input autofocus onfocus={_RUN}>",
    f"<select autofocus onfocus={_RUN}>",
    f"<textarea autofocus onfocus={_RUN}>",
    f"<marquee onstart={_RUN}>",
    f"<div style=animation-name:x onanimationstart={_RUN}>",
    f'"><img src=x onerror={_RUN}>',
    f"'><script>{_RUN}</script>",
    f"</textarea><script>{_RUN}</script>",
    f"</title><script>{_RUN}</script>",
    f"--><img src=x onerror={_RUN}>",
    f"]]><img src=x onerror={_RUN}>",
    '<form><button formaction="javascript:window.__xss=1">click</button></form>',
    '<meta http-equiv="refresh" content="0;url=javascript:window.__xss=1">',
    '<base href="https://example.org/">',
    '<link rel=stylesheet href="https://example.org/x.css">',
    '<a href="javascript:window.__xss=1">click</a>',
    "[click](javascript:window.__xss=1)",
    "[click](JaVaScRiPt:window.__xss=1)",
    "[click](&#106;avascript:window.__xss=1)",
    "[click](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuX194c3M9MTwvc2NyaXB0Pg==)",
    "[click](vbscript:window.__xss=1)",
    "<javascript:window.__xss=1>",
)
FRAMES = (
    "{}",
    "Once **bold {} and** [1] then",
    "- a list\n- {}\n\n> quoted {}",
    "# {}\n\n[link {}](https://example.org 'x\" onmouseover=window.__xss=1 y=\"') ![{}](x)",
)
PAYLOADS = tuple(frame.replace("{}", vector) for vector in VECTORS for frame in FRAMES)


def some(count: int) -> list[str]:
    """`count` of the payloads, evenly picked: every frame and vector family among them."""
    return [PAYLOADS[at * len(PAYLOADS) // count] for at in range(min(count, len(PAYLOADS)))]


WATCH = """
window.__seen = [];
for (const name of ["alert", "confirm", "prompt"]) window[name] = () => window.__seen.push(name);
document.addEventListener("securitypolicyviolation", (event) =>
    window.__seen.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
"""Before anything of the page runs: keep what a payload did, or what only the policy stopped."""

FOUND = """() => {
  const bad = [...window.__seen];
  if (window.__xss) bad.push("ran");
  for (const element of document.querySelectorAll("body *")) {
    for (const {name, value} of element.attributes) {
      if (/^on/i.test(name) || name === "srcdoc" || name === "formaction") bad.push(`${element.tagName} ${name}`);
      const link = ["href", "src", "xlink:href", "data", "action"].includes(name);
      const scheme = link && value.replace(/[\\s\\x00-\\x1f]/g, "").match(/^([a-z][a-z0-9+.-]*):/i)?.[1];
      if (scheme && !/^(https?|blob)$/i.test(scheme)) bad.push(`${element.tagName} ${name}=${value}`);
    }
    if (/^(SCRIPT|IFRAME|OBJECT|EMBED|BASE|META|LINK|STYLE|MATH|MARQUEE|VIDEO|AUDIO)$/i.test(element.tagName))
      bad.push(element.tagName);
  }
  return bad;
}"""
"""What of the payloads has become more than text."""
