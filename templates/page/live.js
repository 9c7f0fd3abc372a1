
(() => {
  'use strict';
  const note = document.getElementById('live');
  const parts = (root) => [...root.querySelectorAll('[data-part]')];
  const shown = new Map(parts(document).map((part) => [part.dataset.part, part.outerHTML]));

  const duration = (seconds) => {
    const two = (number) => String(number).padStart(2, '0');
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
  };
  const tick = () => {
    for (const element of document.querySelectorAll('[data-since]')) {
      const since = Date.parse(element.dataset.since);
      element.textContent = `for ${duration(Math.max(0, Math.floor((Date.now() - since) / 1000)))}`;
    }
  };

  // What a person opened, closed, scrolled to or focused stays as it is.
  document.addEventListener('click', (event) => {
    const summary = event.target.closest('summary');
    if (summary) summary.parentElement.dataset.touched = '';
  });
  const each = (root, selector) => [...(root.matches(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  const keep = (old, fresh) => {
    const before = each(old, 'details');
    each(fresh, 'details').forEach((details, index) => {
      const was = before[index];
      if (!was) return;
      const touched = 'touched' in was.dataset;
      details.open = touched ? was.open : was.open || details.open;
      if (touched) details.dataset.touched = '';
    });
    const boxes = each(old, '.scroll, pre').map((box) => [box.scrollLeft, box.scrollTop]);
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const tag = active && active.tagName.toLowerCase();
    const place = active && each(old, tag).indexOf(active);
    old.replaceWith(fresh);
    each(fresh, '.scroll, pre').forEach((box, index) => {
      if (boxes[index]) [box.scrollLeft, box.scrollTop] = boxes[index];
    });
    if (active) each(fresh, tag)[place]?.focus({ preventScroll: true });
  };

  const show = (html) => {
    const template = document.createElement('template');
    template.innerHTML = html;
    const here = new Map(parts(document).map((part) => [part.dataset.part, part]));
    for (const fresh of parts(template.content)) {
      const name = fresh.dataset.part;
      const text = fresh.outerHTML;
      if (shown.get(name) === text || !here.has(name)) continue;
      shown.set(name, text);
      keep(here.get(name), fresh);
    }
    tick();
  };

  const source = new EventSource('events');
  source.addEventListener('page', (event) => {
    const page = JSON.parse(event.data);
    document.title = page.title;
    show(page.html);
    note.textContent = page.over ? 'the run is over' : 'following the run';
    note.classList.toggle('over', page.over);
    if (page.over) source.close();
  });
  source.addEventListener('error', () => {
    note.textContent = 'no word from the run; this is the last that was heard';
    note.classList.add('over');
  });
  tick();
  setInterval(tick, 1000);
})();
