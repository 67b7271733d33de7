// Loads the picture of a photo. The placeholder is below until it is there; a picture that is lost is loaded again.
// `data-picture` on the photo's element says how far it is: nothing yet, "loaded", "lost", or "retrying" after that.

const SMALL_PIXELS = 128;

/** Follow every picture of this page, those to come included; `onLost` is called when one is lost the first time. */
export function followPictures(onLost) {
  const follow = (type, react) => {
    document.addEventListener(type, ({ target }) => target.matches(".photo") && react(target), true);
  };
  const lose = (photo) => {
    const root = rootOf(photo);
    const first = !root.dataset.picture;
    root.dataset.picture = "lost";
    if (first) onLost();
  };
  follow("load", finish);
  follow("error", lose);
  for (const photo of document.querySelectorAll(".photo[src]")) {
    if (photo.complete) (photo.naturalWidth ? finish : lose)(photo); // it came before this script
  }
}

/** Tell whether the picture of a photo has to be loaded again. */
export function isLost(root) {
  return ["lost", "retrying"].includes(root.dataset.picture);
}

/** Load what there is of a photo: the thumbnail, unless the element shows the whole picture. */
export function loadPicture(root, { thumbnail }) {
  const photo = root.querySelector(".photo");
  const placeholder = root.querySelector(".placeholder");
  if (thumbnail.placeholder && placeholder.getAttribute("src") !== thumbnail.placeholder) {
    placeholder.src = thumbnail.placeholder;
    placeholder.hidden = false;
  }
  const lost = root.dataset.picture === "lost";
  if ("whole" in photo.dataset) {
    if (!lost) return;
    if (photo.dataset.whole !== "retried") {
      photo.dataset.whole = "retried";
      load(root, photo.src);
      return;
    }
    // Twice in vain while the gallery answers: this browser cannot show it.
    delete photo.dataset.whole;
    delete root.dataset.picture;
    photo.hidden = true;
  }
  // Signatures change by the hour; the picture does not, so it is not loaded again.
  if (thumbnail.url && (lost || !samePath(photo.src, thumbnail.url))) load(root, thumbnail.url);
}

function load(root, address) {
  const photo = root.querySelector(".photo");
  if (root.dataset.picture === "lost") root.dataset.picture = "retrying";
  photo.src = address;
  photo.hidden = false;
}

async function finish(photo) {
  const { src } = photo;
  await photo.decode().catch(() => {}); // else the placeholder would go before the picture is painted
  if (photo.src !== src) return;
  const root = rootOf(photo);
  root.dataset.picture = "loaded";
  root.toggleAttribute("data-small", Math.min(photo.naturalWidth, photo.naturalHeight) < SMALL_PIXELS);
  root.querySelector(".preview")?.remove(); // an upload left it
}

function rootOf(photo) {
  return photo.closest("[data-thumbnail]");
}

function samePath(one, other) {
  return one.split("?")[0] === other.split("?")[0];
}
