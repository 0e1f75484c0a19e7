/** A part that scrolls by itself: it has a name, and the keyboard gets into it. */
export function scrolls(label: string) {
  // not a fieldset: nothing in it is filled in
  return { role: 'group', 'aria-label': label, tabindex: 0 } as const
}
