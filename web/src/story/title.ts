/** A story that begins with `# Title` brings the page's heading itself; another gets `otherwise`. */
export function titled(story: string, otherwise: string): [title: string, rest: string] {
  const [, title, rest] = story.trimStart().match(/^# +([^\n]+)\n?([\s\S]*)$/) ?? [];
  return title ? [title.trim(), rest ?? ""] : [otherwise, story];
}
