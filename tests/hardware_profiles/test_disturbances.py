"""The profiler on a machine that fails or that something else disturbs."""

import pytest

from hardware_profiles import ProfilerConfig
from search_space.errors import RuntimeUnavailableError
from tests.hardware_profiles.fake_machine import BLOCKS, NETWORKS, SUBJECTS, FakeRuntime, run, true_ms

pytestmark = pytest.mark.usefixtures("subjects_travel_in_the_policy")


class Failing(FakeRuntime):
    """Its device disappears after some runs."""

    def prepare(self, module, example):
        made = super().prepare(module, example)
        compile_, machine = made.compile, self

        def compile(**options):
            executable = compile_(**options)
            run_ = executable.run

            def lost(batch):
                if machine.now > 1.0:
                    raise RuntimeError("CUDA error: device lost\nmore lines")
                return run_(batch)

            executable.run = lost
            return executable

        made.compile = compile
        return made


def test_a_device_that_disappears_leaves_what_is_measured():
    kept, runtime = [], Failing()
    with pytest.raises(RuntimeUnavailableError, match="CUDA error: device lost; check that the device") as error:
        run(runtime, on_measurement=kept.append)
    assert "\n" not in str(error.value)
    assert 3 < len(kept) < len(SUBJECTS)
    steady = FakeRuntime()
    whole = run(steady, done=kept)
    assert {m.subject for m in whole.measurements} == set(SUBJECTS)
    assert not {m.subject for m in kept} & set(steady.measured)


class Disturbed(FakeRuntime):
    """While one subject is first measured, something else makes its runs long and uneven."""

    def __init__(self, victim):
        super().__init__()
        self.victim, self.before, self.visits = victim, None, 0

    def drift(self):
        self.visits += self.running == self.victim and self.before != self.victim
        self.before = self.running
        disturbed = self.running == self.victim and self.visits == 1
        return float(self.rng.lognormal(0.7, 0.5)) if disturbed else 1.0


def test_a_disturbed_measurement_is_taken_again_and_the_calmer_stays():
    victim = BLOCKS[4]
    config = ProfilerConfig(repeats_per_chunk=0, chunk_subjects=10, outlier_spread=0.01)
    result = run(Disturbed(victim), config=config)
    (m,) = (m for m in result.measurements if m.subject == victim)
    assert m.latency_ms == pytest.approx(true_ms(victim), rel=1e-6) and m.spread < 1e-6
    assert m.repeat_ms > 1.05 * m.latency_ms
    assert all(m.repeat_ms is None for m in result.measurements if m.subject != victim)


def test_what_slows_all_but_the_reference_for_a_while_is_waited_out():
    class Neighbour(FakeRuntime):
        """Fills the caches while a dozen subjects are timed: the small reference does not notice."""

        timed, running, before = 0, None, None

        def drift(self):
            self.timed += self.running is not None and self.before is None
            self.before = self.running
            return 1.25 if self.running is not None and 10 < self.timed <= 22 else 1.0

    profile = run(Neighbour(), config=ProfilerConfig(repeats_per_chunk=0))
    wrong = [m.subject for m in profile.measurements if abs(m.latency_ms / true_ms(m.subject) - 1) > 0.02]
    assert not wrong
    assert len(profile.measurements) == len(SUBJECTS)


def test_within_a_time_budget_what_never_calms_down_is_not_waited_out():
    class Worse(FakeRuntime):
        """Everything but the reference becomes slower and slower."""

        def drift(self):
            return 1.0 if self.running is None else 1.0 + self.now / 2

    calm, worse = FakeRuntime(), Worse()
    run(calm, config=ProfilerConfig(time_budget_s=1000))
    profile = run(worse, config=ProfilerConfig(time_budget_s=2 * calm.now))
    assert len(profile.measurements) == len(SUBJECTS)


@pytest.mark.parametrize(("rounds", "fooled"), [(1, True), (3, False)])
def test_rounds_outvote_what_disturbs_one_of_them(rounds, fooled):
    class Disturbed(FakeRuntime):
        """Something else makes everything but the reference slower until the first round is over."""

        timed, running, before = 0, None, None

        def drift(self):
            self.timed += self.running is not None and self.before is None
            self.before = self.running
            return 1.4 if self.running is not None and self.timed <= len(NETWORKS) else 1.0

    profile = run(Disturbed(), subjects=NETWORKS, config=ProfilerConfig(rounds=rounds))
    assert {a for a, _ in profile.networks} == set(NETWORKS)
    wrong = [a for a, m in profile.networks if abs(m.latency_ms / true_ms(a) - 1) > 0.05]
    assert bool(wrong) == fooled
