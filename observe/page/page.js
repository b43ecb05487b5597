"use strict";
// Follows what changes: /live every two seconds while the page is seen, the table when its version is another one; of one
// service everything.
(() => {
  const search = document.getElementById("search");
  const services = document.getElementById("services");
  const one = document.getElementById("one");

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word);
    for (const row of services.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }

  function localTimes() {
    for (const time of document.querySelectorAll("time"))
      time.textContent = new Date(time.dateTime).toLocaleTimeString();
  }

  async function part(path, id) {
    const reply = await fetch(path, { cache: "no-store" });
    if (!reply.ok) throw new Error(reply.status);
    return new DOMParser().parseFromString(await reply.text(), "text/html").getElementById(id);
  }

  function replace(element, by) {
    element.replaceChildren(...document.adoptNode(by).childNodes);
  }

  async function turn() {
    if (document.hidden) return;
    try {
      if (one) {
        replace(one, await part(location.pathname, "one"));
        document.body.classList.remove("away");
        return;
      }
      const live = await part("/live", "live");
      for (const details of live.querySelectorAll("details")) {
        const shown = document.getElementById(details.id);
        if (shown) details.open = shown.open;
      }
      document.getElementById("live").replaceWith(document.adoptNode(live));
      document.body.classList.remove("away");
      localTimes();
      if (live.dataset.version === services.dataset.version) return;
      const table = await part("/", "services");
      replace(services, table);
      services.dataset.version = table.dataset.version;
      filter();
    } catch {
      document.body.classList.add("away");
    }
  }

  async function follow() {
    await turn();
    setTimeout(follow, 2000);
  }

  setTimeout(follow, 2000);
  if (one) return;
  search.hidden = false;
  search.value = decodeURIComponent(location.hash.slice(1));
  search.addEventListener("input", () => {
    history.replaceState(null, "", search.value ? "#" + encodeURIComponent(search.value) : location.pathname);
    filter();
  });
  filter();
  localTimes();
})();
