// What an action asks for before it goes: photos and a note, or a reason.

import { allowed } from "./alerts.js";
import { button, h, toast } from "./pieces.js";
import { say } from "./words.js";

const LONGEST_SIDE = 1600;
const QUALITY = 0.8;
const LONGEST_TEXT = 2000;

const sheet = () => document.getElementById("sheet");

function show(title, ...parts) {
  const cancel = button("quiet", say("cancel"), () => sheet().close());
  sheet().replaceChildren(h("form.sheet", { method: "dialog", onsubmit: (event) => event.preventDefault() },
    h("h2", { id: "sheet-title" }, title), parts, cancel));
  sheet().setAttribute("aria-labelledby", "sheet-title");
  sheet().showModal();
}

function field(name, { rows = 3 } = {}) {
  return h("textarea", { name, rows, maxlength: LONGEST_TEXT, "aria-label": say(name) , placeholder: say(name) });
}

// Ask why an alert is given back: two taps where one of the usual reasons fits.
export function askReason(send) {
  const other = field("return.other", { rows: 2 });
  const done = (reason) => () => {
    if (!reason()) return other.focus();
    sheet().close();
    send(reason());
  };
  const fixed = (key) => button("", say(key), done(() => say(key)));
  show(
    say("return.title"),
    fixed("return.not_mine"),
    fixed("return.cant"),
    other,
    button("main", say("return.send"), done(() => other.value.trim())),
  );
}

export function askText(send) {
  const text = field("comment.title", { rows: 4 });
  show(say("comment.title"), text, button("main", say("comment.send"), () => {
    if (!text.value.trim()) return text.focus();
    sheet().close();
    send(text.value.trim());
  }));
}

// Ask for photos and a note; send({photos, note, action}).
export function askResolved(alert, send) {
  const photos = [];
  const shown = h("div.shots");
  const said = h("p.quiet", { role: "status" });
  const take = (photo) => {
    photos.push(photo);
    const url = URL.createObjectURL(photo);
    const remove = button("quiet", "✕", () => {
      photos.splice(photos.indexOf(photo), 1);
      shot.remove();
      URL.revokeObjectURL(url);
    }, { "aria-label": say("resolve.remove") });
    const shot = h("div.shot", {}, h("img", { src: url, alt: say("act.photo") }), remove);
    shown.append(shot);
  };
  const note = field("resolve.note", { rows: 2 });
  const done = (action) => () => {
    sheet().close();
    send({ photos, note: note.value.trim(), action });
  };
  show(
    say("resolve.title"),
    h("div.links", {}, photoPicker(say("resolve.camera"), said, take), photoPicker(say("resolve.album"), said, take, { camera: false })),
    said,
    shown,
    note,
    button("main", say("resolve.send"), done("resolve")),
    allowed(alert).has("false_alarm") ? button("", say("resolve.false"), done("false_alarm")) : null,
  );
}

// A button that opens the camera or the album; each photo comes shrunk and without what the camera wrote beside it.
export function photoPicker(text, said, take, { camera = true } = {}) {
  const input = h("input", { type: "file", accept: "image/*", capture: camera && "environment", multiple: true });
  input.addEventListener("change", async () => {
    said.textContent = say("resolve.shrinking");
    let bad = false;
    for (const file of input.files) {
      const photo = await shrunk(file).catch(() => null);
      if (photo) take(photo);
      else bad = true;
    }
    said.textContent = bad ? say("resolve.bad") : "";
    if (bad) toast(say("resolve.bad"));
    input.value = "";
  });
  return h("label.button.photo", {}, input, h("span", {}, text));
}

// Draw a photo anew, upright and small: place, time and phone stay behind.
async function shrunk(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", QUALITY));
}
