// What is drawn while somebody enrols: the face's box, the ring of looks, small pictures.
import { h, svg, capital } from "./dom.js";

export const LOOKS = ["straight", "left", "right", "up", "down"];

export function thumbnail(canvas) {
  const side = Math.min(canvas.width, canvas.height);
  const small = document.createElement("canvas");
  small.width = small.height = 96;
  small.setAttribute("role", "img");
  small.getContext("2d").drawImage(canvas, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side, 0, 0, 96, 96);
  return small;
}

export function boxed(overlay, frame, face, refused) {
  overlay.width = frame.width;
  overlay.height = frame.height;
  if (!face) return;
  const pen = overlay.getContext("2d");
  const colour = refused ? "#ffce5c" : "#43d78a";
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 3;
  const [x1, y1, x2, y2] = face.box;
  pen.beginPath();
  pen.roundRect(x1, y1, x2 - x1, y2 - y1, 12);
  pen.stroke();
  for (const [x, y] of face.landmarks) {
    pen.beginPath();
    pen.arc(x, y, 3, 0, 7);
    pen.fill();
  }
}

// The ring of looks: four arcs for the sides, a hub for straight. The picture is a mirror, so a
// turn to one's left shows on the left.
export function posing() {
  const arc = (from) => {
    const point = (degrees) => [84 + 66 * Math.cos(degrees * Math.PI / 180), 84 + 66 * Math.sin(degrees * Math.PI / 180)];
    const [x1, y1] = point(from + 6), [x2, y2] = point(from + 84);
    return svg("path", { class: "arc", d: `M${x1} ${y1} A66 66 0 0 1 ${x2} ${y2}` });
  };
  const parts = { right: arc(-45), down: arc(45), left: arc(135), up: arc(225),
    straight: svg("circle", { class: "hub", cx: 84, cy: 84, r: 26 }) };
  const items = Object.fromEntries(LOOKS.map((look) => [look, h("li", {}, capital(look))]));
  return {
    element: svg("svg", { class: "ring", viewBox: "0 0 168 168", "aria-hidden": "true" }, Object.values(parts)),
    list: h("ul", { class: "looks", "aria-label": "Looks" }, Object.values(items)),
    show(covered, wanted) {
      for (const look of LOOKS) {
        const kind = covered.includes(look) ? "done" : look === wanted ? "wanted" : "";
        parts[look].setAttribute("class", `${look === "straight" ? "hub" : "arc"} ${kind}`);
        items[look].className = kind;
        items[look].textContent = capital(look) + (kind === "done" ? " ✓" : "");
      }
    },
  };
}
