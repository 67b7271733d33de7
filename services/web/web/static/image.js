// The page of one photo: updates it, edits its annotation and deletes it.

import { get, request } from "./api.js";
import { poll, showConnectionLoss } from "./polling.js";
import { isPaused, showNextAttempt, showPause } from "./pause.js";
import { isUnrecognized, isUnsettled, retry, show, showTime, write } from "./photo.js";
import { watchPictures } from "./picture_loader.js";
import { modelLabel, waitingText } from "./format.js";

const root = document.querySelector(".single");
const path = `/api/images/${root.dataset.id}`;
const status = document.querySelector("#status");
const editor = document.querySelector("#editor");
const edit = document.querySelector("#edit");
const confirmation = document.querySelector("#confirm");
const confirmDelete = document.querySelector("#confirm-delete");

let image = null;

function showAll(latest) {
  image = latest;
  const { annotation } = image;
  const changed = show(root, image);
  write(root, ".alt-text", annotation.alt_text, annotation.language);
  write(root, ".appearance", isUnrecognized(annotation) ? annotation.caption : "", annotation.language);
  write(root, ".content-type", image.content_type);
  write(root, ".dimensions", image.width ? `${image.width} × ${image.height}` : "");
  write(root, ".model", modelLabel(annotation.model));
  write(root, ".prompt", annotation.prompt_version);
  write(root, ".language", annotation.language);
  const { input_tokens: read, output_tokens: written } = annotation;
  write(root, ".tokens", read === null ? "" : `${read} in, ${written ?? 0} out`);
  document.querySelector("#again").hidden = Boolean(waitingText(annotation, false));
  showGenerated(annotation.generated);
  return changed;
}

/** Show the generated texts that a person's texts replaced, and the button that restores them. */
function showGenerated(generated) {
  const section = document.querySelector("#generated");
  section.hidden = !generated;
  write(section, ".generated-caption", generated?.caption);
  write(section, ".generated-alt-text", generated?.alt_text);
  write(section, ".generated-tags", generated?.tags?.join(", "));
}

async function refresh() {
  if (confirmDelete.disabled) return "waiting"; // being deleted
  const wasPaused = isPaused();
  if (wasPaused || isUnsettled(root)) showPause((await get("/api/images?limit=1")).paused);
  const changed = showAll(await get(path));
  if (!isUnsettled(root)) return wasPaused ? "idle" : "stop";
  return changed ? "changed" : "waiting";
}

const pollNow = poll(refresh, { onResult: showConnectionLoss(status) });
watchPictures(pollNow);
setInterval(() => {
  if (document.hidden) return;
  showTime(root);
  showNextAttempt();
}, 10_000);
showTime(root);

root.querySelector(".retry").addEventListener("click", async () => {
  try {
    await retry(root);
  } catch (error) {
    status.textContent = error.message;
  }
  pollNow(); // the photo may be pending even after an error
});

// ---- Editor

const FIELDS = ["caption", "alt_text", "tags"];
let seen = null; // the photo's annotation when the form was filled
let filled = null; // the same, as text of the fields

function tagList(text) {
  return text.split(",").map((tag) => tag.trim()).filter(Boolean);
}

function asText(value) {
  return Array.isArray(value) ? value.join(", ") : (value ?? "").replace(/\r\n?/g, "\n"); // as fields do
}

/** Fill the fields that the person has not changed, and remember their values. */
function fill() {
  for (const name of FIELDS) {
    const field = editor.elements[name];
    if (!filled || field.value === filled[name]) field.value = asText(image.annotation[name]);
  }
  for (const label of editor.querySelectorAll("[data-edited-field]")) {
    label.hidden = !image.annotation[`${label.dataset.editedField}_edited`];
  }
  seen = image.annotation;
  filled = Object.fromEntries(FIELDS.map((name) => [name, asText(seen[name])]));
}

function openEditor(open) {
  editor.hidden = !open;
  edit.ariaExpanded = String(open);
  editor.querySelector(".failure").textContent = "";
  for (const theirs of editor.querySelectorAll(".theirs")) theirs.hidden = true;
  (open ? editor.elements.caption : edit).focus();
}

edit.addEventListener("click", async () => {
  if (!editor.hidden) return openEditor(false);
  try {
    showAll(await get(path));
  } catch (error) {
    status.textContent = error.message;
    return undefined;
  }
  filled = null;
  fill();
  return openEditor(true);
});

document.querySelector("#cancel").addEventListener("click", () => openEditor(false));

editor.addEventListener("keydown", (event) => {
  if (event.key === "Escape") openEditor(false);
});

/** Show below each field what somebody else changed it to. */
async function showTheirs() {
  const before = filled;
  showAll(await get(path));
  fill();
  for (const theirs of editor.querySelectorAll(".theirs")) {
    const name = theirs.dataset.field;
    const changed = filled[name] !== before[name] && filled[name] !== editor.elements[name].value;
    if (changed) theirs.querySelector("bdi").textContent = filled[name];
    theirs.hidden = !changed;
  }
}

editor.addEventListener("click", (event) => {
  const theirs = event.target.closest(".theirs");
  if (!theirs || !event.target.closest("button")) return;
  const field = editor.elements[theirs.dataset.field];
  field.value = filled[theirs.dataset.field];
  theirs.hidden = true;
  field.focus();
});

editor.addEventListener("submit", async (event) => {
  event.preventDefault();
  const change = {};
  const before = {};
  for (const name of FIELDS) {
    const { value } = editor.elements[name];
    if (value === filled[name]) continue;
    change[name] = name === "tags" ? tagList(value) : value;
    before[name] = seen[name];
  }
  if (!Object.keys(change).length) return openEditor(false);
  try {
    showAll(await request("PATCH", path, { body: { ...change, seen: before } }));
    status.textContent = "Saved";
    return openEditor(false);
  } catch (error) {
    if (error.status === 409) await showTheirs().catch(() => {}); // if this fails, saving again retries it
    editor.querySelector(".failure").textContent = error.message;
    return undefined;
  }
});

// ---- Deletion

document.querySelector("#delete").addEventListener("click", () => confirmation.showModal());
document.querySelector("#keep").addEventListener("click", () => confirmation.close());
confirmDelete.addEventListener("click", async () => {
  confirmDelete.disabled = true;
  try {
    await request("DELETE", path);
    location.replace("/");
  } catch (error) {
    confirmation.querySelector(".failure").textContent = error.message;
    confirmDelete.disabled = false;
  }
});
