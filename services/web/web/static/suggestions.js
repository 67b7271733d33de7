// Suggests words while people type in the search box.
// A combobox: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { get } from "./api.js";
import { lastWord } from "./highlight.js";

const DELAY_MS = 150;
const MIN_CHARACTERS = 2;
const MAX_SUGGESTIONS = 8;

/** Suggest words for the last word in a search box. */
export function suggestWords(input) {
  const list = document.createElement("ul");
  list.id = "suggestions";
  list.className = "suggestions";
  list.role = "listbox";
  list.ariaLabel = "Suggestions";
  list.hidden = true;
  input.after(list);
  input.role = "combobox";
  input.ariaAutoComplete = "list";
  input.ariaExpanded = "false";
  input.setAttribute("aria-controls", list.id);

  let timer;
  let asking = new AbortController();

  function close() {
    clearTimeout(timer);
    asking.abort();
    list.hidden = true;
    list.replaceChildren();
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
  }

  function open(words) {
    list.replaceChildren(...words.map(option));
    list.hidden = false;
    input.ariaExpanded = "true";
    input.removeAttribute("aria-activedescendant");
  }

  async function ask(word) {
    asking = new AbortController();
    const { signal } = asking;
    try {
      const { words } = await get(`/api/words?${new URLSearchParams({ prefix: word })}`, { signal });
      const others = words.map((found) => found.word).filter((found) => found !== word.toLowerCase());
      if (signal.aborted) return;
      if (others.length) open(others.slice(0, MAX_SUGGESTIONS));
      else close();
    } catch {
      if (!signal.aborted) close(); // people can search without suggestions
    }
  }

  function select(selected) {
    for (const one of list.children) one.ariaSelected = String(one === selected);
    if (selected) input.setAttribute("aria-activedescendant", selected.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function accept(selected) {
    input.value = input.value.slice(0, -typedWord(input.value).length) + selected.textContent;
    close();
    input.form.requestSubmit();
  }

  input.addEventListener("input", (event) => {
    clearTimeout(timer);
    asking.abort();
    const isTypedAtEnd = !event.isComposing && input.selectionEnd === input.value.length;
    const word = isTypedAtEnd && navigator.onLine ? typedWord(input.value) : "";
    if ([...word].length < MIN_CHARACTERS) close();
    else timer = setTimeout(ask, DELAY_MS, word);
  });

  input.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const options = [...list.children];
    const place = options.findIndex((one) => one.ariaSelected === "true");
    const move = (step) => {
      const places = options.length + 1; // the box is one, too
      select(options[((place + 1 + step + places) % places) - 1]);
    };
    const moves = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Escape: close,
      ...(place >= 0 && { Enter: () => accept(options[place]) }),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  });

  list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", ({ target }) => target.role === "option" && accept(target));
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", close);
}

function option(word, index) {
  const element = document.createElement("li");
  element.id = `suggestion-${index}`;
  element.role = "option";
  element.ariaSelected = "false";
  element.dir = "auto";
  element.textContent = word;
  return element;
}

/** The word that is being typed; empty behind a prefix like tag: or is:, where words of texts would be wrong. */
function typedWord(text) {
  return /(^|\s)-?\p{L}+:\S*$/u.test(text) ? "" : (lastWord(text) ?? "");
}
