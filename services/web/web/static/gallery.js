// The gallery page: updates photos, loads older ones and uploads new ones.

import { get } from "./api.js";
import { cameFromServer, poll, showConnectionLoss } from "./polling.js";
import { isUnsettled, retry, show, showTime } from "./photo.js";
import { showNextAttempt, showPause } from "./pause.js";
import { watchPictures } from "./picture_loader.js";
import { droppedFiles, findProblem, Uploads } from "./upload.js";
import { photos } from "./format.js";
import { highlight } from "./highlight.js";
import { restorePosition, watchPosition } from "./position.js";
import { suggestWords } from "./suggestions.js";

const PAGE_SIZE = 50;
const MAX_LIMIT = 100;
const MAX_SINGLE_REQUESTS = 5;
const SCROLLED_PIXELS = 300;
const TIME_UPDATE_MS = 10_000;
const STOPPED = "The search was stopped because it took too long, so more photos may match.";

const grid = document.querySelector("#photos");
const status = document.querySelector("#status");
const problems = document.querySelector("#problems");
const newer = document.querySelector("#newer");
const { before, query } = grid.dataset;
const isFirstPage = !before && !query;
const parts = new Set(JSON.parse(grid.dataset.parts ?? "[]")); // of texts that the search found

// ---- Cards

function cards() {
  return [...grid.querySelectorAll(".card[data-thumbnail]")];
}

function cardOf(id) {
  return grid.querySelector(`.card[data-id="${id}"]`);
}

/** Show a photo on its card, or on a new one. Returns whether anything changed. */
function showPhoto(image) {
  const card = cardOf(image.id);
  if (card && !card.classList.contains("uploading")) return showHighlighted(card, image);
  const fresh = document.querySelector("#card").content.firstElementChild.cloneNode(true);
  fresh.querySelector(".frame").href = `/images/${image.id}`;
  showHighlighted(fresh, image);
  if (card) {
    replaceUploadCard(card, fresh);
  } else {
    fresh.classList.add("fresh");
    // Newest first: IDs sort by time.
    grid.insertBefore(fresh, cards().find((other) => other.dataset.id < image.id) ?? null);
  }
  return true;
}

function showHighlighted(card, image) {
  const changed = show(card, image);
  if (query) highlight(card, parts);
  return changed;
}

/** Replace the card of an upload by the card of its photo, and keep the preview and the focus. */
function replaceUploadCard(uploading, card) {
  const focused = uploading.contains(document.activeElement);
  const preview = uploading.querySelector(".preview");
  if (preview && card.dataset.thumbnail !== "failed") card.querySelector(".frame").prepend(preview);
  uploading.replaceWith(card);
  if (focused) card.querySelector("a").focus();
}

// ---- Polling

let turn = 0;

async function refresh() {
  const present = cards();
  const unsettled = present.filter(isUnsettled);
  let changed = false;
  let covered = new Set();
  if (query) {
    if (unsettled.length) showPause((await get("/api/images?limit=1")).paused); // a search would cost more
  } else if (isFirstPage || unsettled.length) {
    const deepest = present.findLastIndex(isUnsettled);
    // Request only as many photos as needed to reach the last unsettled one.
    const limit = deepest < 0 ? PAGE_SIZE : Math.min(Math.max(deepest + 5, 10), MAX_LIMIT);
    const page = await get(`/api/images?${parameters(before, limit)}`);
    showPause(page.paused);
    changed = update(page, present);
    covered = new Set(page.images.map((image) => image.id));
  }
  // Photos outside the list, and those on pages of results, are requested individually, a few at a time.
  const others = unsettled.filter((card) => card.isConnected && !covered.has(card.dataset.id));
  for (let count = Math.min(MAX_SINGLE_REQUESTS, others.length); count > 0; count -= 1) {
    changed = (await updateOne(others[turn++ % others.length])) || changed;
  }
  if (changed) return "changed";
  if (cards().some(isUnsettled)) return "waiting";
  return isFirstPage ? "idle" : "stop";
}

function parameters(cursor, limit) {
  return new URLSearchParams({ limit, ...(cursor && { before: cursor }), ...(query && { q: query }) });
}

/** Update the cards with a page of the API. `present` are the cards that existed before the request. */
function update({ images, next }, present) {
  const ids = new Set(images.map((image) => image.id));
  const oldest = next ?? "";
  let changed = false;
  if (isFirstPage) {
    for (const card of present) {
      if (card.dataset.id >= oldest && !ids.has(card.dataset.id)) {
        remove(card); // deleted elsewhere
        changed = true;
      }
    }
  }
  const newest = present[0]?.dataset.id ?? "";
  // Do not move the page while somebody has scrolled down.
  const keepPosition = isFirstPage && scrollY > SCROLLED_PIXELS;
  let hiddenCount = 0;
  for (const image of images) {
    if (keepPosition && image.id > newest && !cardOf(image.id)) hiddenCount += 1;
    else changed = showPhoto(image) || changed;
  }
  newer.hidden = !hiddenCount;
  newer.textContent = `Show ${hiddenCount} new photo${hiddenCount === 1 ? "" : "s"}`;
  return changed;
}

async function updateOne(card) {
  try {
    return showHighlighted(card, await get(`/api/images/${card.dataset.id}`));
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

function setStatus(text) {
  if (status.textContent !== text) status.textContent = text;
}

const pollNow = poll(refresh, {
  onResult: showConnectionLoss(status),
  isCurrent: cameFromServer() && !cards().some(isUnsettled),
});
watchPictures(pollNow);

setInterval(() => {
  if (document.hidden) return;
  cards().forEach(showTime);
  showNextAttempt();
}, TIME_UPDATE_MS);
cards().forEach(showTime);

newer.addEventListener("click", () => {
  scrollTo({ top: 0 });
  newer.hidden = true;
  pollNow();
});

grid.addEventListener("click", async (event) => {
  const card = event.target.closest(".card[data-thumbnail]");
  if (!card || !event.target.closest(".retry")) return;
  try {
    await retry(card);
  } catch (error) {
    showProblems([error.message]);
  }
  pollNow(); // the photo may be pending even after an error
});

// ---- Older photos

const more = document.querySelector("#more");

/** Load the next older photos, up to a number. */
async function loadOlder(limit) {
  const page = await get(`/api/images?${parameters(more.dataset.before, limit)}`);
  for (const part of Object.values(page.search?.highlights ?? {}).flat()) parts.add(part);
  page.images.forEach(showPhoto);
  if (page.next) {
    more.dataset.before = page.next;
    more.href = `/?${new URLSearchParams({ before: page.next, ...(query && { q: query }) })}`;
  } else {
    more.parentElement.remove();
  }
  return page;
}

more?.addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (more.ariaBusy === "true") return;
  more.ariaBusy = "true";
  try {
    const { images, search } = await loadOlder(PAGE_SIZE);
    watchPosition(cards);
    if (images.length) cardOf(images[0].id).querySelector("a").focus({ preventScroll: true });
    setStatus(`${photos(images.length)} loaded${search?.is_partial ? `. ${STOPPED}` : ""}`);
    pollNow();
  } catch (error) {
    showProblems([error.message]);
  } finally {
    more.ariaBusy = "false";
  }
});

if (more) restorePosition(cards, () => more.isConnected && loadOlder(MAX_LIMIT)).catch((error) => showProblems([error.message]));

// ---- New photos

const form = document.querySelector("#upload");
const picker = form.querySelector("input[type=file]");
const maxBytes = Number(form.dataset.maxBytes);
const rest = document.querySelector("#rest");

const uploads = new Uploads(document.querySelector("#uploading"), {
  onStart(card) {
    grid.prepend(card);
  },
  onSent: pollNow,
  onDone(card, image) {
    showPhoto(image);
    pollNow();
  },
  onChange({ waiting, running, done, failed }) {
    const sending = waiting + running;
    const parts = [];
    if (sending) parts.push(`Uploading ${photos(sending)}`);
    if (done) parts.push(`${sending ? done : photos(done)} uploaded`);
    if (failed) parts.push(`${photos(failed)} failed`);
    setStatus(parts.join(", "));
    rest.hidden = !waiting;
    if (sending) addEventListener("beforeunload", confirmLeaving);
    else removeEventListener("beforeunload", confirmLeaving);
  },
});

rest.addEventListener("click", () => {
  uploads.cancelWaiting();
  grid.querySelector("a, button")?.focus();
});

function confirmLeaving(event) {
  event.preventDefault();
}

async function add(files) {
  const fileProblems = await Promise.all(files.map((file) => findProblem(file, maxBytes)));
  const accepted = files.filter((file, index) => !fileProblems[index]);
  showProblems(fileProblems.filter(Boolean));
  if (!accepted.length) return;
  uploads.add(accepted);
  scrollTo({ top: 0 });
}

function showProblems(messages) {
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
  if (!event.relatedTarget) document.body.toggleAttribute("data-dropping", false); // the pointer left the window
});

addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.toggleAttribute("data-dropping", false);
  add(await droppedFiles(event.dataTransfer));
});

// ---- Search box

const searchBox = document.querySelector(".search input");

suggestWords(searchBox);

searchBox.ariaKeyShortcuts = "/";
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  searchBox.select();
});
