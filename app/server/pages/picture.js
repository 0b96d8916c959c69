// Choose a photograph: drop, paste, file or camera; and show one with boxes on its faces.
import { h, svg, toast } from "./dom.js";
import { Camera } from "./camera.js";

export function chooser(title, chosen, { several = false } = {}) {
  const input = h("input", { type: "file", accept: "image/*", hidden: true, multiple: several,
    "aria-label": title, onchange: () => take(input.files) });
  const camera = new Camera();
  const stage = h("div", { class: "stage", hidden: true }, camera.video);
  const snap = h("button", { class: "main", type: "button", hidden: true, onclick: async () => {
    const blob = await camera.frame(0.95);
    if (!blob) return;
    stop();
    chosen([blob]);
  } }, "Take the picture");
  const start = h("button", { type: "button", onclick: async () => {
    try {
      await camera.start();
      stage.hidden = snap.hidden = false;
      area.hidden = true;
      snap.focus();
    } catch (error) { toast(error.message); }
  } }, "Use the camera");
  const area = h("div", { class: "drop" }, h("p", {}, "Drop or paste a photograph here"),
    h("div", { class: "row" },
      h("button", { class: "main", type: "button", onclick: () => input.click() }, "Choose a file"),
      start));
  function stop() {
    camera.stop();
    stage.hidden = snap.hidden = true;
    area.hidden = false;
  }
  camera.ended = stop;
  function take(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/") || !file.type);
    if (pictures.length) chosen(several ? pictures : pictures.slice(0, 1));
    else toast("That is no picture. Choose a JPEG, PNG or WebP file.");
    input.value = "";
  }
  area.addEventListener("dragover", (event) => { event.preventDefault(); area.classList.add("over"); });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files);
  });
  const element = h("section", { "aria-label": title }, input, area, stage, h("div", { class: "row" }, snap));
  return { element, stop, take };
}

// Pastes go to whichever chooser the view offers; returns what takes it back.
export function onPaste(take) {
  const listener = (event) => { if (event.clipboardData?.files.length) take(event.clipboardData.files); };
  document.addEventListener("paste", listener);
  return () => document.removeEventListener("paste", listener);
}

export function pictured(blob, alt) {
  const image = h("img", { alt });
  const address = URL.createObjectURL(blob);
  const element = h("div", { class: "picture" }, image);
  const ready = new Promise((done) => {
    image.addEventListener("load", () => done(true));
    image.addEventListener("error", () => done(false));
  });
  image.src = address;
  ready.then(() => URL.revokeObjectURL(address));
  return { element, image, ready };
}

const KINDS = { match: "match", unknown: "unknown", "no match": "no" };

export async function drawBoxes({ element, image, ready }, faces) {
  if (!await ready) return;
  const { naturalWidth: width, naturalHeight: height } = image;
  const size = Math.max(13, width / 34);
  const labels = faces.map(({ box: [x1, y1], label }) => {
    const top = y1 > size * 1.8 ? y1 - size * 1.7 : y1;
    const text = svg("text", { y: top + size * 1.15, "font-size": size, fill: "#fff", "font-weight": 650 }, label);
    return { x1, text, plate: svg("rect", { y: top, height: size * 1.6, rx: size / 4, fill: "#0b0e14d9" }) };
  });
  element.append(svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    faces.map(({ box: [x1, y1, x2, y2], decision }) => svg("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1,
      rx: size / 4, class: `box ${KINDS[decision] ?? ""}` })),
    labels.flatMap(({ plate, text }) => [plate, text])));
  // Fonts differ, so a plate is cut to its text once that stands, and kept inside the picture.
  for (const { x1, plate, text } of labels) {
    const wide = text.getComputedTextLength() + size;
    const left = Math.max(0, Math.min(x1, width - wide));
    plate.setAttribute("x", left);
    plate.setAttribute("width", wide);
    text.setAttribute("x", left + size / 2);
  }
}
