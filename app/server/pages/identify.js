// Who, if anyone enrolled, is in this photograph?
import { h, problem, announce } from "./dom.js";
import { call, here } from "./api.js";
import { chooser, pictured, drawBoxes, onPaste } from "./picture.js";
import { verdict, identifySentences, histogram } from "./verdict.js";

function titled(face) {
  if (face.decision === "match") return face.identity.name;
  return face.decision === "unknown" ? "Unknown" : "Inconclusive";
}

export function identify(main) {
  const result = h("div", { "aria-live": "polite" });
  const source = chooser("A photograph", ([blob]) => run(blob));
  const area = h("div", { class: "card" }, source.element);

  async function run(blob) {
    const shown = pictured(blob, "The photograph");
    area.replaceChildren(shown.element, h("button", { type: "button", onclick: () => {
      result.replaceChildren();
      area.replaceChildren(source.element);
    } }, "Choose another"));
    result.replaceChildren(h("p", { class: "quiet" }, "Looking …"));
    try {
      const answer = await call("POST", here("/identify"), { body: blob });
      const { faces } = answer;
      drawBoxes(shown, faces.map((face) => ({ box: face.box, decision: face.decision, label: titled(face) })));
      announce(faces.length ? faces.map(titled).join(", ") : "No face was found");
      if (!faces.length) {
        result.replaceChildren(verdict("No face was found", "unknown",
          ["Use a photograph where the face is upright and at least 24 pixels wide."]));
        return;
      }
      result.replaceChildren(...faces.map((face) => verdict(titled(face), face.decision, identifySentences(face))));
      result.scrollIntoView({ block: "nearest" });
      if (answer.problem) result.append(h("div", { class: "note warn" }, answer.problem));
      const chart = await histogram(faces[0].score, faces[0].threshold);
      if (chart) result.append(chart);
    } catch (error) { result.replaceChildren(problem(error)); }
  }

  const unpaste = onPaste((files) => source.take(files));
  main.append(h("h1", {}, "Identify"),
    h("p", { class: "lead" }, "Every face in the photograph gets a name, or an honest “unknown”. The photograph is not kept."),
    h("div", { class: "two" }, area, result));
  return () => { unpaste(); source.stop(); };
}
