// Brings people back to where they were after a reload, and after Back if the browser did not keep the page.
// The photo at the top of the window is the fragment of the address, so that a copied address leads to it. With `before`
// the address would leave out the photos above. How far the photos were loaded and scrolled is in the history entry.

const SAVE_MS = 150;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let isWatching = false;

/** From now on, remember the last of the cards, and which one is at the top of the window. */
export function watchPosition(cards) {
  const save = () => {
    const present = cards();
    const first = present.find((card) => card.getBoundingClientRect().bottom > 0) ?? present.at(-1);
    const position = { last: present.at(-1).dataset.id, first: first.dataset.id, top: first.getBoundingClientRect().top };
    history.replaceState({ position }, "", `#${first.dataset.id}`);
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

/** The position of an address that was copied. */
function readPosition(id) {
  return ID.test(id) ? { last: id, first: id, top: 0 } : null;
}

/**
 * Load older photos until those of the history entry or of the address are there, and scroll.
 * `loadOlder` is false if there are none.
 */
export async function restorePosition(cards, loadOlder) {
  const position = history.state?.position ?? readPosition(location.hash.slice(1));
  if (!position) return;
  history.scrollRestoration = "manual";
  const isShort = () => (cards().at(-1)?.dataset.id ?? "") > position.last;
  while (isShort() && (await loadOlder()));
  const first = cards().find((card) => card.dataset.id <= position.first); // or the next one, if it was deleted
  if (first) scrollBy(0, first.getBoundingClientRect().top - position.top);
  watchPosition(cards);
}
