// Enrol somebody from photographs that exist already.
import { h, field, problem, capital } from "./dom.js";
import { call, here } from "./api.js";
import { chooser } from "./picture.js";

const MOST = 6;

// Not crypto.randomUUID: pages without HTTPS have none.
function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromPhotographs() {
  const source = chooser("Photographs of the person", send, { several: true });
  const allowed = h("input", { type: "checkbox" });
  const output = h("div", { "aria-live": "polite" });
  const other = h("input", { autocomplete: "off", maxlength: 128 });

  let waiting = null;

  async function send(files) {
    output.replaceChildren();
    waiting = files;
    if (!other.value.trim()) {
      output.replaceChildren(h("div", { class: "note", role: "status" }, "Now give the person a name."));
      other.focus();
      return;
    }
    waiting = null;
    try {
      const body = new FormData();
      body.append("name", other.value);
      files.slice(0, MOST).forEach((file, i) => body.append("photo", file, `photograph-${i + 1}`));
      output.replaceChildren(h("p", { class: "quiet" }, "Enrolling …"));
      const answer = await call("POST", here("/identities"), { form: body,
        query: { allow_duplicate: allowed.checked }, headers: { "Idempotency-Key": random() } });
      output.replaceChildren(h("div", { class: "verdict match" }, h("strong", {}, `${answer.identity.name} is enrolled`),
        h("p", {}, `${answer.kept} of ${answer.samples} photographs became templates.`),
        files.length > MOST ? h("p", {}, `Only the first ${MOST} were read: choose the others next.`) : null,
        answer.left_out.map((entry) => h("p", {}, capital(entry.message) + "."))));
    } catch (error) { output.replaceChildren(problem(error)); }
  }
  other.addEventListener("change", () => { if (waiting && other.value.trim()) send(waiting); });

  const element = h("details", { class: "card" }, h("summary", {}, "Or enrol from photographs"), h("p"),
    field("Name of the person in the photographs", other), source.element,
    h("label", { class: "check" }, allowed, "Save also if somebody enrolled looks alike"), output);
  const take = (files) => { element.open = true; source.take(files); };
  return { element, take, stop: source.stop };
}
