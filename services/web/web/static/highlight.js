// Marks the parts of a photo's texts that a search found, like highlight.py.

const IGNORABLE = String.raw`\u00ad\u0640\u200c\u200d\u2060\ufeff`;
const SIGN = String.raw`[\p{L}\p{M}\p{N}${IGNORABLE}]`;
// The scripts that catalog/words.py splits into characters: Thai to Khmer, Hangul, Kana and Han.
const UNSPACED_SCRIPTS =
  String.raw`[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff` +
  String.raw`\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc` +
  String.raw`\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f` +
  String.raw`\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]`;
const UNSPACED = `(?=${SIGN})${UNSPACED_SCRIPTS}`;
const SPACED = `(?!${UNSPACED_SCRIPTS})${SIGN}`;
// Marks and the like belong to the character before them.
const CONTINUATION = String.raw`[\p{M}${IGNORABLE}\uff9e\uff9f]`;

const WORDS = new RegExp(
  `(?<unspaced>(?:${UNSPACED})(?:${UNSPACED}|${CONTINUATION})*)|(?:${SPACED})(?:${SPACED}|${CONTINUATION})*`, "gu");
const CHARACTERS = new RegExp(`[^]${CONTINUATION}*`, "gu");
const TYPED_WORD = new RegExp(`(?:${SPACED})+$`, "u");

/** The word that a text ends with; undefined if it is of a script that does not separate words by blanks. */
export function lastWord(text) {
  return text.match(TYPED_WORD)?.[0];
}

/** Split a text at the parts of a set. Of the pieces, the second, fourth and so on are parts. */
export function pieces(text, parts) {
  const split = [""];
  const add = (piece, isPart) => {
    if ((split.length % 2 === 0) === isPart) split[split.length - 1] += piece;
    else if (piece) split.push(piece);
  };
  let end = 0;
  for (const { 0: word, index, groups } of text.matchAll(WORDS)) {
    add(text.slice(end, index), false);
    end = index + word.length;
    if (!groups.unspaced) {
      add(word, parts.has(word));
      continue;
    }
    const characters = word.match(CHARACTERS);
    const isPair = characters.map((character, place) => parts.has(character + characters[place + 1]));
    characters.forEach((character, place) => {
      add(character, parts.has(character) || isPair[place] || Boolean(isPair[place - 1]));
    });
  }
  add(text.slice(end), false);
  return split;
}

/** Mark the parts in the texts of a card. */
export function highlight(card, parts) {
  for (const element of card.querySelectorAll(".caption, .tags a, .frame-note")) {
    const split = pieces(element.textContent, parts);
    if (split.length === 1 && !element.querySelector("mark")) continue;
    element.replaceChildren(...split.map((piece, place) => (place % 2 ? marked(piece) : piece)));
  }
}

function marked(text) {
  const mark = document.createElement("mark");
  mark.textContent = text;
  return mark;
}
