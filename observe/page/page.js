"use strict";
// Follows what changes: /live every two seconds while the page is seen, the table when its version is another one.
(() => {
  const search = document.getElementById("search");
  const services = document.getElementById("services");
  if (!services) return;

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

  async function turn() {
    if (document.hidden) return;
    try {
      const live = await part("/live", "live");
      const open = document.querySelector("#live details").open;
      live.querySelector("details").open = open;
      document.getElementById("live").replaceWith(document.adoptNode(live));
      document.body.classList.remove("away");
      localTimes();
      if (live.dataset.version === services.dataset.version) return;
      const table = await part("/", "services");
      services.replaceChildren(...document.adoptNode(table).childNodes);
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

  search.hidden = false;
  search.value = decodeURIComponent(location.hash.slice(1));
  search.addEventListener("input", () => {
    history.replaceState(null, "", search.value ? "#" + encodeURIComponent(search.value) : location.pathname);
    filter();
  });
  filter();
  localTimes();
  setTimeout(follow, 2000);
})();
