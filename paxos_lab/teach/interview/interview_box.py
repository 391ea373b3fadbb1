"""The mock interview on screen: the question, the time that is left, the rubric, the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import anywidget
import ipywidgets as widgets
import traitlets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, Said, button, prose, row
from paxos_lab.teach.interview.cards import Flashcard, load
from paxos_lab.teach.interview.deck import lesson_link
from paxos_lab.teach.interview.interview import RUBRIC, Interview, Report, begin, report
from paxos_lab.words.text import as_list, as_text


class Countdown(anywidget.AnyWidget):
    """Minutes and seconds that run down on the page; the kernel only says what was left at a click."""

    _esm = """
    function render({ model, el }) {
      // The face changes each second, and a screen reader stays silent; it is told now and then.
      const face = document.createElement("span"), told = document.createElement("span");
      face.setAttribute("role", "timer");
      told.setAttribute("role", "status");
      told.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
      el.append(face, told);
      let end, timer, last;
      const show = () => {
        const left = Math.max(0, Math.round((end - performance.now()) / 1000));
        const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        face.textContent = left ? `Time left: ${clock}` : "Time is up: finish this question.";
        const due = [0, 60, 120, 300, 600].find((mark) => left <= mark);
        if (due !== last) {
          if (due !== undefined) {
            const minutes = due / 60;
            told.textContent = due ? `${minutes} minute${minutes > 1 ? "s" : ""} left` : face.textContent;
          }
          last = due;
        }
        if (!left) clearInterval(timer);
      };
      const begin = () => {
        clearInterval(timer);
        el.style.display = model.get("runs") ? "" : "none";
        if (!model.get("runs")) return;
        end = performance.now() + 1000 * model.get("left");
        last = [0, 60, 120, 300, 600].find((mark) => model.get("left") <= mark); // nothing is due yet
        timer = setInterval(show, 500);
        show();
      };
      model.on("change:stamp", begin);
      begin();
      return () => clearInterval(timer);
    }
    export default { render };
    """
    left = traitlets.Float(0.0).tag(sync=True)
    runs = traitlets.Bool(False).tag(sync=True)
    stamp = traitlets.Int(0).tag(sync=True)

    def set(self, left: float, runs: bool) -> None:
        """Begin anew from that many seconds, or hide."""
        with self.hold_sync():
            self.left, self.runs, self.stamp = left, runs, self.stamp + 1


class MockInterview(LabBox):
    """A timed interview: answer aloud, climb the follow-ups, then rate yourself against the model answer.

    `seed` draws the questions. `cards`: left out, those of the course. `clock`: gives seconds.
    """

    def __init__(
        self,
        minutes: float = 20,
        seed: int = 1,
        *,
        cards: Iterable[Flashcard] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cards = tuple(load() if cards is None else cards)
        self.minutes, self.seed, self._clock = minutes, seed, clock
        begin(self.cards, minutes, seed, 0.0)  # what is wrong is said here, not at the first click
        self.interview: Interview | None = None
        self.countdown = Countdown()
        self.text, self.more, self.note = Said(), widgets.HTML(), Said()
        self.main = button("", "", self._press)
        self.stop = button("Stop here", "No answer to this one: show the model answer", self._stop)
        self.end = button("End the interview", "Go to the report", self._end)
        self.scores = {
            name: widgets.Dropdown(
                options=[("pick one", -1), *((f"{i}: {words}", i) for i, words in enumerate(levels))],
                value=-1,
                description=f"{name.capitalize()}:",
                style={"description_width": "7em"},
                layout=widgets.Layout(width="24em", max_width="100%"),
            )
            for name, levels in RUBRIC.items()
        }
        for box in self.scores.values():
            box.observe(lambda _change: self._clear(), "value")
        self.rubric = widgets.VBox(list(self.scores.values()))
        buttons = row(self.main, self.stop, self.end)
        super().__init__([self.countdown, self.text, self.more, self.rubric, buttons, self.note])
        self._look()

    # ---- what a click does

    def _press(self) -> None:
        now, interview = self._clock(), self.interview
        if interview is None or interview.phase == "over":
            if interview is not None:
                self.seed += 1  # other questions than last time
            self.interview = begin(self.cards, self.minutes, self.seed, now)
        elif interview.phase == "asking":
            self.interview = interview.deeper(now)
        else:
            picked = {name: box.value for name, box in self.scores.items()}
            if missing := [name for name, score in picked.items() if score < 0]:
                self.note.value = f"Rate first: {', '.join(missing)}."
                return
            self.interview = interview.rate(picked, now)
        self._look()

    def _stop(self) -> None:
        if self.interview is None or self.interview.phase != "asking":
            self.note.value = "There is no question to stop at."
            return
        self.interview = self.interview.stop(self._clock())
        self._look()

    def _end(self) -> None:
        if self.interview is None:
            self.note.value = "It has not begun."
            return
        self.interview = self.interview.finish(self._clock())
        self._look()

    def _clear(self) -> None:
        self.note.value = ""

    @property
    def report(self) -> Report:
        """The report; raises `LabError` before the interview has begun."""
        if self.interview is None:
            raise LabError("the interview has not begun: press Start, then answer")
        return report(self.interview)

    # ---- what is on screen

    def _look(self) -> None:
        interview = self.interview
        phase = interview.phase if interview else "before"
        self.note.value = ""
        self.rubric.layout.display = None if phase == "rating" else "none"
        for box in self.scores.values():
            if phase != "rating":
                box.value = -1
        left = interview.left(self._clock()) if interview else 0.0
        self.countdown.set(left, phase in ("asking", "rating"))
        names = {
            "before": ("Start", "The clock begins to run"),
            "asking": (
                "Answered",
                "You have said your answer aloud: the next follow-up, or the model answer",
            ),
            "rating": ("Rate and go on", "Keep your rating; the next question"),
            "over": ("Start another", "Other questions"),
        }
        self.main.description, self.main.tooltip = names[phase]
        self.text.value, more = self._words()
        self.more.value = prose(more)

    def _words(self) -> tuple[str, str]:
        """What is said aloud, and what stands below to be read."""
        interview = self.interview
        if interview is None:
            return "", (
                f"<p>{self.minutes:g} minutes, questions from all groups, each with a ladder of follow-ups. Answer "
                "aloud, as you would at a whiteboard. Then compare with the model answer and rate yourself.</p>"
            )
        card = interview.card
        if card is None:
            return "<b>The interview is over.</b>", _report(self.report)
        number = len(interview.rated) + 1
        if interview.phase == "rating":
            return f"<p><b>Question {number}: {as_text(card.question)}</b> Compare, then rate.</p>", (
                f"<p>{as_text(card.answer)}</p>"
                f"<p><b>A strong answer</b> {as_text(card.strong[0].lower() + card.strong[1:])}</p>"
                f"<p><b>The usual wrong answer:</b> {as_text(card.wrong)}</p><p>How was yours?</p>"
            )
        rung = f"follow-up {interview.rung} of {len(card.follow_ups)}" if interview.rung else card.group
        asking = f"<span style='font-size:115%'>{as_text(interview.asking)}</span>"
        return f"<p>Question {number}, {as_text(rung)}</p><p>{asking}</p>", ""

    def __str__(self) -> str:
        interview = self.interview
        if interview is None:
            return f"Mock interview of {self.minutes:g} minutes: press Start to begin."
        if interview.phase == "over":
            return str(self.report)
        said = interview.asking or f"{interview.plan[len(interview.rated)].question} (to be rated)"
        return f"Mock interview, question {len(interview.rated) + 1}: {said}"

    __repr__ = __str__


def _report(made: Report) -> str:
    links = "".join(f"<li>{lesson_link(lesson)}</li>" for lesson in made.lessons)
    again = f"<p>Lessons to see again:</p><ul>{links}</ul>" if links else ""
    return f"{as_list('ul', made.lines())}{again}"
