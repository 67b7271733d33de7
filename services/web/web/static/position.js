// Brings people back to where they were after a reload, and after Back if the browser did not keep the page.
// Photos that scripts loaded, and the position, are in the state of the history entry, not in its address: an address
// is shared, and with `before` it would leave out the photos above.

const SAVE_MS = 150;

let isWatching = false;

/** From now on, remember the last of the cards, and which one is at the top of the window. */
export function watchPosition(cards) {
  const save = () => {
    const present = cards();
    const first = present.find((card) => card.getBoundingClientRect().bottom > 0) ?? present.at(-1);
    const position = { last: present.at(-1).dataset.id, first: first.dataset.id, top: first.getBoundingClientRect().top };
    history.replaceState({ position }, "");
  };
  save();
  if (isWatching) return;
  isWatching = true;
  let timer;
  addEventListener("scroll", () => {
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_MS);
  }, { passive: true });
}

/** Load older photos until those of the history entry are there, and scroll. `loadOlder` is false if there are none. */
export async function restorePosition(cards, loadOlder) {
  const position = history.state?.position;
  if (!position) return;
  history.scrollRestoration = "manual";
  const isShort = () => (cards().at(-1)?.dataset.id ?? "") > position.last;
  while (isShort() && (await loadOlder()));
  const first = cards().find((card) => card.dataset.id <= position.first); // or the next one, if it was deleted
  if (first) scrollBy(0, first.getBoundingClientRect().top - position.top);
  watchPosition(cards);
}
