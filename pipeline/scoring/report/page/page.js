"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const enough = Number(document.getElementById("data").dataset.enough), PAGE = 25, OPEN = 3, SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);
  const topicAt = new Map(data.topics.map((topic, i) => [topic.id, { ...topic, style: "t" + i }]));
  const stanceAt = new Map(data.stances.map((stance) => [stance.id, stance]));
  const NONE = { id: "", label: "No topic", style: "" };
  const sideName = (side) => (side > 0 ? "plus" : side < 0 ? "minus" : "zero");
  const signs = { plus: "▲", minus: "▼", zero: "■" };

  /* Text of articles enters the page here alone, as text. */
  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function draw(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
  function hidden(element) { element.setAttribute("aria-hidden", "true"); return element; }
  const swatch = (topic) => hidden(make("i", "swatch " + topic.style));
  const sign = (side, mark) => hidden(make("b", "sign " + sideName(side), mark || signs[sideName(side)]));
  const points = (net) => { const n = Math.round(100 * net); return n > 0 ? "+" + n : n < 0 ? "−" + -n : "0"; };
  const count = (n, word) => n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");

  /* Rows of the data, by name. */
  const articles = data.articles.map((article, number) => ({
    ...article, number, open: null, full: false,
    sentences: article.sentences.map(([text, kind, topics, stance, score, confidence, unsure], place) =>
      ({ text, kind, topics, stance, score, confidence, unsure: !!unsure, place })),
  }));

  function chips(article) {
    const list = make("p", "chips");
    for (const [id, difference, sure] of article.nets) {
      const topic = topicAt.get(id), chip = make("span", "chip");
      if (sure < enough) continue;
      chip.title = `${topic.label}: net stance ${points(difference / sure)} of ${count(sure, "sure sentence")}`;
      chip.append(swatch(topic), topic.label + " ", sign(Math.sign(difference)), " ", make("b", "", points(difference / sure)), ` (${sure})`);
      list.append(chip);
    }
    return list;
  }

  /* An article at a glance: a mark a sentence, up for plus, down for minus, coloured by topic, faint when unsure. */
  function stripe(article) {
    const many = article.sentences.length, svg = draw("svg", { viewBox: `0 0 ${Math.max(many, 60) * 10} 26`, preserveAspectRatio: "none", class: "stripe", "aria-hidden": "true" });
    svg.append(draw("line", { x1: 0, x2: many * 10, y1: 13, y2: 13, class: "mid" }));
    for (const s of article.sentences) {
      const side = stanceAt.get(s.stance).side, styles = s.topics.length ? s.topics.map(([id]) => topicAt.get(id).style) : [""];
      styles.forEach((style, i) => svg.append(draw("rect", {
        x: s.place * 10 + 1 + (8 / styles.length) * i, width: 8 / styles.length, height: side ? 12 : 4, y: side > 0 ? 1 : side < 0 ? 13 : 11, class: style + (s.unsure ? " unsure" : ""),
      })));
    }
    return svg;
  }

  function sentence(s) {
    const stance = stanceAt.get(s.stance), topics = s.topics.map(([id, score]) => [topicAt.get(id), score]);
    const row = make("div", "s" + (s.kind ? " opens" : "") + (s.kind === 2 ? " head" : "") + (s.unsure ? " unsure" : ""));
    row.tabIndex = -1;
    row.dataset.place = s.place;
    const bars = hidden(make("span", "bars"));
    for (const [topic] of topics) bars.append(make("i", topic.style));
    const tags = make("span", "tags");
    const percent = (score) => (score === null ? "" : " " + Math.round(100 * score) + "%");
    tags.append(make("span", "", stance.label + percent(s.score)));
    for (const [topic, score] of topics) {
      const tag = make("span");
      tag.append(swatch(topic), topic.label + percent(score));
      tags.append(tag);
    }
    if (s.unsure) tags.append(make("span", "", "unsure"));
    row.append(bars, sign(stance.side, s.unsure ? stance.sign + "?" : stance.sign), make("p", "", s.text), tags);
    return row;
  }

  function body(article, shown) {
    const box = make("div", "body"), kept = article.full ? new Set(article.sentences) : new Set(shown);
    box.id = "b" + article.number;
    let left = 0;
    const gap = () => {
      if (!left) return;
      const button = make("button", "gap", `⋯ ${count(left, "sentence")} not shown by the filters`);
      button.type = "button";
      button.addEventListener("click", () => { article.full = true; redraw(article); });
      box.append(button);
      left = 0;
    };
    for (const s of article.sentences) {
      if (kept.has(s)) { gap(); box.append(sentence(s)); } else left += 1;
    }
    gap();
    if (article.more) box.append(make("p", "note", `${count(article.more, "more sentence")} of this article are counted above and not shown.`));
    return box;
  }

  function card(article, shown, open) {
    const box = make("article", "card"), title = make("h3"), button = make("button", "", article.title);
    box.id = "a" + article.number;
    button.type = "button";
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-controls", "b" + article.number);
    button.addEventListener("click", () => { article.open = !isOpen(article); redraw(article); });
    title.append(button);
    const meta = [article.date, article.source, count(article.sentences.length + article.more, "sentence")];
    if (shown.length < article.sentences.length) meta.push(`${shown.length.toLocaleString("en")} shown`);
    box.append(title, make("p", "meta", meta.filter(Boolean).join(" · ")), chips(article), stripe(article));
    if (open) box.append(body(article, shown));
    return box;
  }

  /* Filters. */
  const state = { found: [], pages: 1, all: false };
  const chosen = (id) => [...$(id).querySelectorAll("input:checked")].map((input) => input.value);

  function matches() {
    const topics = new Set(chosen("topic-filter")), stances = new Set(chosen("stance-filter"));
    const limit = Number($("confidence").value) / 100, sure = $("sure").checked, source = $("source").value;
    const words = $("find").value.trim().toLowerCase();
    const fits = (s, named) =>
      (!topics.size || (s.topics.length ? s.topics.some(([id]) => topics.has(id)) : topics.has(""))) &&
      (!stances.size || stances.has(s.stance)) && (s.confidence ?? 0) >= limit && !(sure && s.unsure) &&
      (named || s.text.toLowerCase().includes(words));
    return articles
      .filter((article) => !source || article.source === source)
      .map((article) => {
        const named = !words || article.title.toLowerCase().includes(words);
        return { article, shown: article.sentences.filter((s) => fits(s, named)) };
      })
      .filter(({ shown }) => shown.length);
  }
  const orders = {
    gap: (a, b) => b.gap - a.gap || a.number - b.number,
    pull: (a, b) => b.pull - a.pull || a.number - b.number,
    when: (a, b) => b.when.localeCompare(a.when) || a.number - b.number,
    title: (a, b) => a.title.localeCompare(b.title) || a.number - b.number,
  };
  const visible = () => state.found.slice(0, state.pages * PAGE);
  const isOpen = (article) => article.open ?? (state.all || visible().findIndex((f) => f.article === article) < OPEN);

  function update() {
    const order = orders[$("order").value];
    state.found = matches().sort((a, b) => order(a.article, b.article));
    state.pages = 1;
    for (const article of articles) article.full = false;
    $("limit").textContent = $("confidence").value;
    const sentences = state.found.reduce((sum, { shown }) => sum + shown.length, 0);
    $("count").textContent = `${count(state.found.length, "article")}, ${count(sentences, "sentence")}`;
    list();
  }
  function clear() { $("filters").reset(); update(); }
  function list() {
    $("list").replaceChildren(...visible().map(({ article, shown }) => card(article, shown, isOpen(article))));
    if (!state.found.length) $("list").append(make("p", "note", "No sentence fits these filters."));
    $("more").hidden = visible().length >= state.found.length;
    tellCut();
  }
  /* Paper has no buttons: it says what is not on it. */
  function tellCut() {
    const cards = visible(), open = cards.filter(({ article }) => isOpen(article)).length;
    $("cut").hidden = open === articles.length;
    $("cut").textContent = `Of ${count(articles.length, "article")} ${cards.length.toLocaleString("en")} stand here, ${open.toLocaleString("en")} with sentences. “Show more articles” and the key e bring the others onto the page before it is printed.`;
  }
  function redraw(article) {
    const { shown } = state.found.find((f) => f.article === article);
    const drawn = card(article, shown, isOpen(article));
    $("a" + article.number).replaceWith(drawn);
    tellCut();
    drawn.querySelector("h3 button").focus({ preventScroll: true });
  }
  function goTo(article) {
    if (!state.found.some((f) => f.article === article)) clear();
    article.open = true;
    while (!visible().some((f) => f.article === article)) state.pages += 1;
    list();
    const drawn = $("a" + article.number);
    drawn.scrollIntoView({ block: "start" });
    drawn.querySelector("h3 button").focus({ preventScroll: true });
  }

  function toggle(box, value, label, before) {
    const holder = make("label", "toggle"), input = make("input");
    input.type = "checkbox";
    input.value = value;
    holder.append(input, ...(before ? [before] : []), label);
    $(box).append(holder);
  }
  for (const topic of topicAt.values()) toggle("topic-filter", topic.id, topic.label, swatch(topic));
  toggle("topic-filter", NONE.id, NONE.label);
  for (const stance of data.stances) toggle("stance-filter", stance.id, stance.label, sign(stance.side, stance.sign));
  const sources = new Map();
  for (const article of articles) if (article.source) sources.set(article.source, (sources.get(article.source) || 0) + 1);
  for (const [source, n] of [...sources].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))) {
    const option = make("option", "", `${source} (${n})`);
    option.value = source;
    $("source").append(option);
  }
  $("source").closest("label").hidden = sources.size < 2;

  const most = document.querySelector("#most-divided ol");
  for (const article of [...articles].filter((a) => a.gap > 0).sort(orders.gap).slice(0, 5)) {
    if (!most) break;
    const item = make("li"), link = make("a", "", article.title);
    link.href = "#a" + article.number;
    link.addEventListener("click", (event) => { event.preventDefault(); goTo(article); });
    item.append(link, chips(article));
    most.append(item);
  }

  $("filters").addEventListener("input", update);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("clear").addEventListener("click", clear);
  $("more").addEventListener("click", () => {
    const first = visible().length;
    state.pages += 1;
    list();
    $("a" + state.found[first].article.number).querySelector("h3 button").focus();
  });

  /* Keys. */
  function step(selector, by) {
    const all = [...$("list").querySelectorAll(selector)];
    const at = all.findIndex((element) => element === document.activeElement || element.contains(document.activeElement));
    let next = at + by;
    if (at < 0) next = all.findIndex((e) => document.activeElement.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
    const target = all[Math.min(Math.max(next, 0), all.length - 1)];
    if (!target) return;
    (target.querySelector("h3 button") || target).focus();
    target.scrollIntoView({ block: "nearest" });
  }
  const keys = {
    j: () => step(".card", 1), k: () => step(".card", -1), n: () => step(".s", 1), p: () => step(".s", -1),
    e: () => { state.all = !state.all; for (const article of articles) article.open = state.all; list(); },
    "/": () => $("find").focus(), c: clear, "?": () => $("help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    if (event.target.matches("input:not([type=checkbox]):not([type=range]),select,textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (!(event.key in keys) || !($("keys").checked || event.key === "?")) return;
    event.preventDefault();
    keys[event.key]();
  });
  update();
})();
