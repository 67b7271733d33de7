// Loads the pictures of photos over their placeholders, and loads a picture again if that failed.
// `data-picture` on a photo's element is the state: absent at first, "loaded", "failed", or "retrying" after a failure.

const SMALL_PIXELS = 128;

/** Watch all current and future pictures of this page. `onFailure` is called when one fails the first time. */
export function watchPictures(onFailure) {
  const follow = (type, react) => {
    document.addEventListener(type, ({ target }) => target.matches(".photo") && react(target), true);
  };
  const fail = (photo) => {
    const root = rootOf(photo);
    const first = !root.dataset.picture;
    root.dataset.picture = "failed";
    root.querySelector(".load-failure").textContent = "This picture can't be loaded right now. Retrying…";
    if (first) onFailure();
  };
  follow("load", finish);
  follow("error", fail);
  for (const photo of document.querySelectorAll(".photo[src]")) {
    if (photo.complete) (photo.naturalWidth ? finish : fail)(photo); // it finished before this script ran
  }
}

/** Whether the picture of a photo must be loaded again. */
export function failedToLoad(root) {
  return ["failed", "retrying"].includes(root.dataset.picture);
}

/** Load the placeholder and thumbnail of a photo, unless the element shows the full-size picture. */
export function loadPicture(root, { thumbnail }) {
  const photo = root.querySelector(".photo");
  const placeholder = root.querySelector(".placeholder");
  if (thumbnail.placeholder && placeholder.getAttribute("src") !== thumbnail.placeholder) {
    placeholder.src = thumbnail.placeholder;
    placeholder.hidden = false;
  }
  const failed = root.dataset.picture === "failed";
  if ("fullSize" in photo.dataset) {
    if (!failed) return;
    if (photo.dataset.fullSize !== "retried") {
      photo.dataset.fullSize = "retried";
      load(root, photo.src);
      return;
    }
    // It failed twice while the gallery was available, so this browser can't show it.
    delete photo.dataset.fullSize;
    delete root.dataset.picture;
    photo.hidden = true;
  }
  // Only the signature changes every hour. The picture does not, so it is not loaded again.
  if (thumbnail.url && (failed || !samePath(photo.src, thumbnail.url))) load(root, thumbnail.url);
}

function load(root, address) {
  const photo = root.querySelector(".photo");
  if (root.dataset.picture === "failed") root.dataset.picture = "retrying";
  photo.src = address;
  photo.hidden = false;
}

async function finish(photo) {
  const { src } = photo;
  await photo.decode().catch(() => {}); // otherwise the placeholder would disappear before the picture is painted
  if (photo.src !== src) return;
  const root = rootOf(photo);
  root.dataset.picture = "loaded";
  root.toggleAttribute("data-small", Math.min(photo.naturalWidth, photo.naturalHeight) < SMALL_PIXELS);
  root.querySelector(".preview")?.remove(); // from the upload
}

function rootOf(photo) {
  return photo.closest("[data-thumbnail]");
}

function samePath(one, other) {
  return one.split("?")[0] === other.split("?")[0];
}
