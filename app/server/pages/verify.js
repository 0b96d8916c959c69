// Are these two the same person? Is this who it is said to be?
import { h, field, problem, announce } from "./dom.js";
import { call, here } from "./api.js";
import { chooser, pictured, drawBoxes, onPaste } from "./picture.js";
import { verdict, verifySentences, histogram } from "./verdict.js";

const TITLES = { match: "Match", "no match": "No match" };

export function verify(main) {
  const pictures = [null, null];
  let mode = "claim";
  const result = h("div", { "aria-live": "polite" });
  const name = h("input", { list: "people", autocomplete: "off", placeholder: "A name that is enrolled" });
  const people = h("datalist", { id: "people" });
  name.addEventListener("input", async () => {
    try {
      const found = await call("GET", here("/identities"), { query: { search: name.value, limit: 20 } });
      people.replaceChildren(...found.identities.map((p) => h("option", { value: p.name })));
    } catch { /* the list is a convenience */ }
  });
  name.addEventListener("change", run);
  const slots = [0, 1].map((i) => {
    const box = h("div");
    const source = chooser(i ? "The second photograph" : "The photograph", ([blob]) => set(i, blob));
    box.append(source.element);
    return { box, source };
  });
  const claim = field("Who is it said to be?", name);
  const second = h("div", { class: "card" }, h("h2", {}, "The other photograph"), slots[1].box);
  const claimed = h("div", { class: "card" }, h("h2", {}, "The claim"), claim, people,
    h("button", { class: "main", type: "button", onclick: run }, "Compare"));
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "What to compare with" },
    [["claim", "With a name"], ["pair", "With another photograph"]].map(([kind, label]) =>
      h("button", { type: "button", "data-kind": kind, "aria-pressed": String(kind === mode), onclick: () => {
        mode = kind;
        for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.dataset.kind === kind));
        second.hidden = mode !== "pair";
        claimed.hidden = mode === "pair";
        result.replaceChildren();
        run();
      } }, label)));
  second.hidden = true;

  function set(i, blob) {
    pictures[i] = blob;
    const shown = pictured(blob, "The chosen photograph");
    slots[i].shown = shown;
    slots[i].box.replaceChildren(shown.element, h("button", { type: "button", onclick: () => {
      pictures[i] = null;
      result.replaceChildren();
      slots[i].box.replaceChildren(slots[i].source.element);
    } }, "Choose another"));
    run();
  }

  async function run() {
    if (!pictures[0] || (mode === "pair" ? !pictures[1] : !name.value.trim())) return;
    result.replaceChildren(h("p", { class: "quiet" }, "Comparing …"));
    try {
      let answer;
      if (mode === "pair") {
        const form = new FormData();
        pictures.forEach((blob, i) => form.append("photo", blob, `photograph-${i + 1}`));
        answer = await call("POST", "/verify", { form });
      } else {
        answer = await call("POST", here("/verify"), { body: pictures[0], query: { name: name.value.trim() } });
      }
      const title = TITLES[answer.decision] ?? "Inconclusive";
      const who = answer.identity ? `${title}: ${answer.identity.name}` : title;
      result.replaceChildren(verdict(who, answer.decision, verifySentences(answer)));
      announce(who);
      result.scrollIntoView({ block: "nearest" });
      answer.faces.forEach((face, i) => slots[i].shown && drawBoxes(slots[i].shown,
        [{ box: face.box, decision: answer.decision, label: title }]));
      const chart = await histogram(answer.score, answer.threshold);
      if (chart) result.append(chart);
    } catch (error) { result.replaceChildren(problem(error)); }
  }

  const unpaste = onPaste((files) => slots[mode === "pair" && pictures[0] ? 1 : 0].source.take(files));
  main.append(h("h1", {}, "Verify"),
    h("p", { class: "lead" }, "Is this the person it is said to be? Do two photographs show one person?"),
    h("div", { class: "note" }, "A matching score is not presence: facegate does not tell a live face from a photograph or a screen."),
    tabs, h("div", { class: "halves" },
      h("div", { class: "card" }, h("h2", {}, "The photograph"), slots[0].box), claimed, second), result);
  return () => { unpaste(); slots.forEach((slot) => slot.source.stop()); };
}
