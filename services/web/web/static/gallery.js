// The gallery page: photos appear and change while it is open, more are appended, new ones are uploaded.

import { get } from "./api.js";
import { keepLooking, tellTrouble } from "./polling.js";
import { isUnsettled, retry, show, showTime } from "./photo.js";
import { followPictures } from "./picture_loader.js";
import { droppedFiles, objection, Uploads } from "./upload.js";
import { photos } from "./format.js";

const PAGE = 50;
const MOST = 100;
const SINGLY = 5;
const SCROLLED_PIXELS = 300;
const TIMES_MS = 10_000;

const grid = document.querySelector("#photos");
const status = document.querySelector("#status");
const problems = document.querySelector("#problems");
const newer = document.querySelector("#newer");
const { before, query } = grid.dataset;
const whole = !before && !query;

// ---- What is there

function cards() {
  return [...grid.querySelectorAll(".card[data-thumbnail]")];
}

function cardOf(id) {
  return grid.querySelector(`.card[data-id="${id}"]`);
}

/** Show a photo, on a new card where there is none yet; tells whether anything changed. */
function place(image) {
  const card = cardOf(image.id);
  if (card && !card.classList.contains("uploading")) return show(card, image);
  const fresh = document.querySelector("#card").content.firstElementChild.cloneNode(true);
  fresh.querySelector(".frame").href = `/images/${image.id}`;
  show(fresh, image);
  if (card) {
    takeOver(card, fresh);
  } else {
    fresh.classList.add("fresh");
    // Newest first: ids begin with a time.
    grid.insertBefore(fresh, cards().find((other) => other.dataset.id < image.id) ?? null);
  }
  return true;
}

/** Put a photo's card where its upload's was, with its preview and the focus. */
function takeOver(uploading, card) {
  const focused = uploading.contains(document.activeElement);
  const preview = uploading.querySelector(".preview");
  if (preview && card.dataset.thumbnail !== "failed") card.querySelector(".frame").prepend(preview);
  uploading.replaceWith(card);
  if (focused) card.querySelector("a").focus();
}

// ---- What happens while the page is open

let turn = 0;

async function look() {
  const present = cards();
  const unsettled = present.filter(isUnsettled);
  let changed = false;
  let covered = new Set();
  if (whole || unsettled.length) {
    const deepest = present.findLastIndex(isUnsettled);
    // While something is unsettled, ask for as little as reaches it.
    const limit = deepest < 0 ? PAGE : Math.min(Math.max(deepest + 5, 10), MOST);
    const page = await get(`/api/images?${parameters(before, limit)}`);
    changed = update(page, present);
    covered = new Set(page.images.map((image) => image.id));
  }
  // What no list covers (a new photo on a page of results) is asked for by itself, a few at a time.
  const others = unsettled.filter((card) => card.isConnected && !covered.has(card.dataset.id));
  for (let count = Math.min(SINGLY, others.length); count > 0; count -= 1) {
    changed = (await updateOne(others[turn++ % others.length])) || changed;
  }
  if (changed) return "changed";
  if (cards().some(isUnsettled)) return "waiting";
  return whole ? "idle" : "stop";
}

function parameters(cursor, limit) {
  return new URLSearchParams({ limit, ...(cursor && { before: cursor }), ...(query && { q: query }) });
}

/** Bring the cards up to date with a page of the API; `present` are those that were there when it was asked for. */
function update({ images, next }, present) {
  const ids = new Set(images.map((image) => image.id));
  const oldest = next ?? "";
  let changed = false;
  if (whole) {
    for (const card of present) {
      if (card.dataset.id >= oldest && !ids.has(card.dataset.id)) {
        remove(card); // deleted elsewhere
        changed = true;
      }
    }
  }
  const newest = present[0]?.dataset.id ?? "";
  // Nothing jumps under the eyes of somebody who reads further down.
  const hold = whole && scrollY > SCROLLED_PIXELS;
  let held = 0;
  for (const image of images) {
    if (hold && image.id > newest && !cardOf(image.id)) held += 1;
    else changed = place(image) || changed;
  }
  newer.hidden = !held;
  newer.textContent = `Show ${held} new photo${held === 1 ? "" : "s"}`;
  return changed;
}

async function updateOne(card) {
  try {
    return show(card, await get(`/api/images/${card.dataset.id}`));
  } catch (error) {
    if (error.status !== 404) throw error;
    remove(card);
    return true;
  }
}

function remove(card) {
  if (card.contains(document.activeElement)) (card.nextElementSibling ?? grid).querySelector("a")?.focus();
  card.remove();
}

function say(words) {
  if (status.textContent !== words) status.textContent = words;
}

const soon = keepLooking(look, { onTrouble: tellTrouble(status) });
followPictures(soon);

setInterval(() => document.hidden || cards().forEach(showTime), TIMES_MS);
cards().forEach(showTime);

newer.addEventListener("click", () => {
  scrollTo({ top: 0 });
  newer.hidden = true;
  soon();
});

grid.addEventListener("click", async (event) => {
  const card = event.target.closest(".card[data-thumbnail]");
  if (!card || !event.target.closest(".retry")) return;
  try {
    await retry(card);
  } catch (error) {
    complain([error.message]);
  }
  soon(); // it may be pending even then
});

// ---- Older photos

const more = document.querySelector("#more");

more?.addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (more.ariaBusy === "true") return;
  more.ariaBusy = "true";
  try {
    const page = await get(`/api/images?${parameters(more.dataset.before, PAGE)}`);
    page.images.forEach(place);
    if (page.next) {
      more.dataset.before = page.next;
      more.href = `/?${new URLSearchParams({ before: page.next, ...(query && { q: query }) })}`;
    } else {
      more.parentElement.remove();
    }
    if (page.images.length) cardOf(page.images[0].id).querySelector("a").focus({ preventScroll: true });
    say(`${photos(page.images.length)} more`);
    soon();
  } catch (error) {
    complain([error.message]);
  } finally {
    more.ariaBusy = "false";
  }
});

// ---- New photos

const form = document.querySelector("#upload");
const picker = form.querySelector("input[type=file]");
const maxBytes = Number(form.dataset.maxBytes);
const rest = document.querySelector("#rest");

const uploads = new Uploads(document.querySelector("#uploading"), {
  onStart(card) {
    grid.prepend(card);
  },
  onKnown: soon,
  onDone(card, image) {
    place(image);
    soon();
  },
  onChange({ waiting, running, done, failed }) {
    const sending = waiting + running;
    const parts = [];
    if (sending) parts.push(`Uploading ${photos(sending)}`);
    if (done) parts.push(`${sending ? done : photos(done)} uploaded`);
    if (failed) parts.push(`${photos(failed)} not uploaded`);
    say(parts.join(", "));
    rest.hidden = !waiting;
    if (sending) addEventListener("beforeunload", warn);
    else removeEventListener("beforeunload", warn);
  },
});

rest.addEventListener("click", () => {
  uploads.cancelWaiting();
  grid.querySelector("a, button")?.focus();
});

function warn(event) {
  event.preventDefault();
}

async function add(files) {
  const objections = await Promise.all(files.map((file) => objection(file, maxBytes)));
  const fine = files.filter((file, index) => !objections[index]);
  complain(objections.filter(Boolean));
  if (!fine.length) return;
  uploads.add(fine);
  scrollTo({ top: 0 });
}

function complain(messages) {
  problems.replaceChildren();
  if (!messages.length) return;
  const list = document.createElement("ul");
  list.append(
    ...messages.map((message) => {
      const item = document.createElement("li");
      item.textContent = message;
      return item;
    }),
  );
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "quiet";
  dismiss.textContent = "Dismiss";
  dismiss.addEventListener("click", () => problems.replaceChildren());
  problems.append(list, dismiss);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  picker.click();
});

picker.addEventListener("change", () => {
  add([...picker.files]);
  picker.value = "";
});

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  add(files);
});

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  document.body.toggleAttribute("data-dropping", true);
});

addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.toggleAttribute("data-dropping", false); // it left the window
});

addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.toggleAttribute("data-dropping", false);
  add(await droppedFiles(event.dataTransfer));
});

addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  document.querySelector(".search input").select();
});
