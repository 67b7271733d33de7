// Formats times, sizes and models, like the filters in presentation.py.

const UNITS = [["minute", 60, 3600], ["hour", 3600, 86_400], ["day", 86_400, 30 * 86_400]];

/** How long ago an RFC 3339 time was; the date if it was more than a month ago. */
export function relativeTime(timestamp, now = Date.now()) {
  const then = new Date(timestamp);
  const seconds = (now - then) / 1000;
  if (seconds < 45) return "just now";
  for (const [unit, length, limit] of UNITS) {
    if (seconds < limit) {
      const count = Math.max(1, Math.floor(seconds / length));
      return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
    }
  }
  return then.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

/** In how many minutes an RFC 3339 time is. */
export function timeUntil(timestamp, now = Date.now()) {
  const minutes = Math.ceil((new Date(timestamp) - now) / 60_000);
  return minutes <= 0 ? "now" : `in ${minutes} minute${minutes === 1 ? "" : "s"}`;
}

/** An RFC 3339 time in full, in the local time zone. */
export function absoluteTime(timestamp) {
  return new Date(timestamp).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}

/** A number of bytes: 980 B, 4.2 MB. */
export function fileSize(count) {
  let [size, unit] = [count, "B"];
  for (const larger of ["kB", "MB"]) {
    if (size < 999.5) break;
    [size, unit] = [size / 1000, larger];
  }
  return `${size.toFixed(unit !== "B" && size < 9.95 ? 1 : 0)} ${unit}`;
}

/** The name of the model that wrote an annotation, or of the offline tagger. */
export function modelLabel(model) {
  return model === "offline-tagger" ? "offline tagger" : (model ?? "");
}

/** What a photo that waits for texts waits for; empty if it does not wait. */
export function waitingText({ status, reannotation, queued, caption_edited: isCaptionEdited }, isPaused) {
  if (status !== "pending" && !reannotation) return "";
  if (isPaused) return "Waiting: captions are paused";
  if (reannotation) return "Waiting for another caption";
  if (queued) return "Waiting in the queue";
  return isCaptionEdited ? "Generating the other texts…" : "Generating caption…";
}

/** "1 photo", "3 photos". */
export function photos(count) {
  return `${count} photo${count === 1 ? "" : "s"}`;
}

/** The search for the photos that have a tag. Quotation marks, which would end a phrase, are dropped. */
export function tagQuery(tag) {
  const plain = tag.split(/["“”„‟«»＂\s]+/).filter(Boolean).join(" ");
  return plain.includes(" ") ? `tag:"${plain}"` : `tag:${plain}`;
}
