// Who is enrolled: search, samples, rename, merge, remove, undo, erase, export.
import { h, field, problem, ask, toast, when } from "./dom.js";
import { call, here, state } from "./api.js";

const PAGE = 50;

export function gallery(main) {
  const may = state.me.scopes.includes("admin");
  const search = h("input", { type: "search", placeholder: "A part of a name", autocomplete: "off" });
  const list = h("div", { "aria-live": "polite" });
  const pager = h("div", { class: "row apart" });
  const detail = h("div");
  let offset = 0, timer = 0, total = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { offset = 0; load(); }, 150);
  });

  async function load() {
    try {
      const found = await call("GET", here("/identities"), { query: { offset, limit: PAGE + 1, search: search.value } });
      total = found.total;
      // The last one of a page may have been removed.
      if (!found.identities.length && offset) { offset = Math.max(0, offset - PAGE); await load(); return; }
      // One more than is shown says whether there is a next page.
      show(found.identities.slice(0, PAGE), found.identities.length > PAGE);
    } catch (error) { list.replaceChildren(problem(error)); }
  }

  function show(people, hasMore) {
    if (!people.length) {
      const text = total ? ["Nobody has that name", "Try a shorter part of it."]
        : ["Nobody is enrolled yet", "Enrol somebody with the camera or from photographs."];
      list.replaceChildren(h("div", { class: "empty-state" }, h("h2", {}, text[0]), h("p", {}, text[1]),
        total ? null : h("a", { href: "#/enrol" }, "Enrol somebody")));
      pager.replaceChildren();
      return;
    }
    list.replaceChildren(h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col" }, "Samples"),
        h("th", { scope: "col", class: "wide" }, "Since"), h("th", { scope: "col", class: "end" }, h("span", { class: "unseen" }, "Open")))),
      h("tbody", {}, people.map((person) => h("tr", {}, h("td", {}, person.name), h("td", {}, String(person.samples)),
        h("td", { class: "wide" }, when(person.created)),
        h("td", { class: "end" }, h("button", { class: "plain", type: "button", "aria-label": `Open ${person.name}`,
          onclick: () => open(person.id) }, "Open")))))));
    const last = offset + people.length;
    pager.replaceChildren(h("span", { class: "quiet small" }, `${offset + 1} to ${last}` + (search.value ? "" : ` of ${total.toLocaleString()}`)),
      h("span", { class: "row" },
        h("button", { type: "button", disabled: offset === 0, onclick: () => { offset = Math.max(0, offset - PAGE); load(); } }, "Back"),
        h("button", { type: "button", disabled: !hasMore, onclick: () => { offset += PAGE; load(); } }, "Next")));
  }

  async function act(work, text) {
    try {
      const operation = await work();
      toast(text);
      await load();
      return operation;
    } catch (error) { detail.prepend(problem(error)); return null; }
  }

  async function open(id) {
    try {
      const person = await call("GET", here(`/identities/${id}`));
      detail.replaceChildren(card(person));
      detail.querySelector("h2").focus();
    } catch (error) { detail.replaceChildren(problem(error)); }
  }

  function card(person) {
    const path = here(`/identities/${person.id}`);
    const button = (label, onclick, kind = "") => h("button", { type: "button", class: kind, onclick }, label);
    const close = () => detail.replaceChildren();
    const actions = !may ? [] : [
      button("Rename", async () => {
        const control = h("input", { value: person.name, maxlength: 128 });
        const answer = await ask(`Rename ${person.name}`, "", { action: "Rename", fields: [["New name", control]] });
        if (answer && await act(() => call("PATCH", path, { json: { name: answer[0] } }), "Renamed")) open(person.id);
      }),
      button("Merge", async () => {
        const control = h("input", { autocomplete: "off" });
        const answer = await ask(`Merge ${person.name} into somebody`, "All samples go to the other person.",
          { action: "Merge", fields: [["Name of the other person", control]] });
        if (!answer) return;
        const found = await call("GET", here("/identities"), { query: { search: answer[0], limit: 200 } });
        const target = found.identities.find((other) => other.name.toLowerCase() === answer[0].trim().toLowerCase());
        if (!target) { toast(`Nobody is enrolled as ${answer[0]}`); return; }
        if (await act(() => call("POST", `${path}/merge`, { json: { into: target.id } }), "Merged")) open(target.id);
      }),
      button("Remove", async () => {
        if (await ask(`Remove ${person.name}?`, "It can be undone for 30 days.", { action: "Remove", danger: true })
          && await act(() => call("DELETE", path), "Removed")) close();
      }),
      button("Erase for good", async () => {
        if (await ask(`Erase ${person.name} for good?`, "Everything about this person is deleted. It cannot be undone.",
          { action: "Erase for good", danger: true })
          && await act(() => call("DELETE", path, { query: { erase: true } }), "Erased")) close();
      }, "danger"),
    ];
    const paused = person.failed_claims >= 5;
    return h("section", { class: "card", "aria-label": person.name },
      h("div", { class: "row apart" }, h("h2", { tabindex: "-1" }, person.name), button("Close", close, "plain")),
      paused ? h("div", { class: "note warn" }, `${person.failed_claims} claims in a row failed. `,
        may ? button("Allow claims again", () => act(() => call("POST", `${path}/allow-claims`), "Allowed").then(() => open(person.id))) : null) : null,
      h("div", { class: "row" }, actions),
      h("table", {}, h("caption", { class: "unseen" }, "Samples"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Sample"), h("th", { scope: "col" }, "From"), h("th", { scope: "col" }, "Quality"), h("th", { scope: "col", class: "end" }, h("span", { class: "unseen" }, "Remove")))),
        h("tbody", {}, person.sample_list.map((sample) => h("tr", {}, h("td", {}, String(sample.id)),
          h("td", {}, `${sample.kind === "frame" ? "Camera" : "Photograph"}, ${when(sample.created)}`),
          h("td", {}, sample.quality == null ? "–" : sample.quality.toFixed(2)),
          h("td", { class: "end" }, may && person.sample_list.length > 1
            ? h("button", { class: "plain", type: "button", "aria-label": `Remove sample ${sample.id}`, onclick: () =>
              act(() => call("DELETE", here(`/samples/${sample.id}`)), "Sample removed").then((ok) => ok && open(person.id)) }, "Remove") : null))))));
  }

  const tools = !may ? null : h("div", { class: "row" },
    h("button", { type: "button", onclick: async () => {
      const operation = await act(() => call("POST", here("/undo"), { json: {} }), "Undone");
      if (operation) detail.replaceChildren();
    } }, "Undo the last change"),
    h("a", { class: "button", href: `/api/v1${here("/export")}`, download: "" }, "Export"));
  main.append(h("h1", {}, "Gallery"), h("p", { class: "lead" }, "Who is enrolled, and from what."),
    detail, h("section", { class: "card", "aria-label": "People" },
      h("div", { class: "row apart" }, h("div", { class: "grow" }, field("Search", search)), tools), list, pager));
  load();
  return () => clearTimeout(timer);
}
