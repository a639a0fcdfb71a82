// patronus-sim: runs seeds or tapes and says what went wrong, if anything did.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>

#include "core/base/hash.h"
#include "core/base/mutant.h"
#include "sim/html.h"
#include "sim/minimiser.h"
#include "sim/transcript.h"
#include "sim/world.h"

namespace patronus::sim {
namespace {

constexpr int kExitViolation = 1;
constexpr int kExitUsage = 2;

struct Totals {
  uint64_t seeds = 0;
  uint64_t events = 0;
  uint64_t busiest = 0;
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  uint64_t conditional = 0;
  uint64_t unmet = 0;
  uint64_t leaders = 0;
  SessionCounts sessions;
  uint64_t too_hard = 0;
  uint64_t checked_twice = 0;
  Duration simulated{};
  std::map<std::string, uint64_t> faults;
  std::vector<std::pair<uint64_t, Outcome>> failures;
};

struct Options {
  uint64_t first = 1;
  uint64_t last = 1;
  uint32_t jobs = 1;
  uint64_t twice_every = 50;
  std::string trace_file;
  std::string tape_file;
  std::string html_file;
  std::string transcript_file;
  std::string keep_tape;
  std::string keep_failures;
  std::string resume;
  std::string minimise;
  uint64_t runs_max = 20'000;
  bool stop_at_first = false;
  bool long_worlds = false;
};

// What every tape of these options has besides its seed.
Decisions given_by(const Options& options) { return options.long_worlds ? long_worlds() : Decisions{}; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void add(Totals& totals, uint64_t seed, Outcome&& outcome) {
  ++totals.seeds;
  totals.events += outcome.events;
  totals.busiest = std::max(totals.busiest, outcome.busiest);
  totals.operations += outcome.operations;
  totals.acknowledged += outcome.acknowledged;
  totals.conditional += outcome.conditional;
  totals.unmet += outcome.unmet;
  totals.leaders += outcome.leaders;
  totals.sessions.logins += outcome.sessions.logins;
  totals.sessions.checks += outcome.sessions.checks;
  totals.sessions.refreshes += outcome.sessions.refreshes;
  totals.sessions.double_refreshes += outcome.sessions.double_refreshes;
  totals.sessions.logouts += outcome.sessions.logouts;
  totals.sessions.reuses += outcome.sessions.reuses;
  totals.sessions.refusals_after_end += outcome.sessions.refusals_after_end;
  totals.too_hard += outcome.too_hard;
  totals.simulated += outcome.simulated;
  for (const auto& [fault, count] : outcome.faults) totals.faults[fault] += count;
  if (!outcome.violation.empty()) totals.failures.emplace_back(seed, std::move(outcome));
}

// Where two runs that should be the same part.
std::string first_difference(const Decisions& one, const Decisions& other) {
  for (const auto& [name, track] : one) {
    const auto same = other.find(name);
    if (same == other.end()) return "one has no track " + name;
    const auto [a, b] = std::mismatch(track.begin(), track.end(), same->second.begin(), same->second.end());
    if (a != track.end() || b != same->second.end())
      return "first at decision " + std::to_string(a - track.begin()) + " of track " + name;
  }
  return "with the same decisions";
}

// One seed, and now and then the same again: a difference would make every other result worthless.
Outcome run_seed(uint64_t seed, const Decisions& given, bool twice) {
  Outcome outcome = run_world(Tape::from_seed(seed, given), false);
  if (!twice) return outcome;
  const Outcome again = run_world(Tape::from_seed(seed, given), false);
  if (again.trace_hash != outcome.trace_hash || again.events != outcome.events ||
      again.decisions != outcome.decisions) {
    outcome.violation = "determinism: two runs of the same seed differ, " +
                        first_difference(outcome.decisions, again.decisions);
    outcome.checker = "determinism";
  }
  return outcome;
}

void print_progress(const Totals& totals, uint64_t wanted, double seconds) {
  std::fprintf(stderr, "\r%llu of %llu seeds, %.1f seeds/s, %zu violations ",
               static_cast<unsigned long long>(totals.seeds), static_cast<unsigned long long>(wanted),
               static_cast<double>(totals.seeds) / seconds, totals.failures.size());
  std::fflush(stderr);
}

// Which seeds of a long run are done: those up to `next` and some after it, which other threads were at.
class Done {
 public:
  explicit Done(uint64_t first) : next_(first) {}
  void add(uint64_t seed) {
    after_.insert(seed);
    while (!after_.empty() && *after_.begin() == next_) {
      after_.erase(after_.begin());
      ++next_;
    }
  }
  uint64_t next() const { return next_; }

 private:
  uint64_t next_;
  std::set<uint64_t> after_;
};

// Names this program: what another one has run says nothing of it.
uint64_t fingerprint() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return hash64(bytes);
}

// Seeds that another program did, or in other worlds, are not done.
uint64_t program_of(const Options& options) { return fingerprint() + (options.long_worlds ? 1 : 0); }

// Where a run of this program that was broken off goes on; the first seed if the file does not say.
uint64_t read_resume(const Options& options) {
  std::ifstream in(options.resume);
  uint64_t program = 0;
  uint64_t next = 0;
  const bool said = static_cast<bool>(in >> program >> next) && program == program_of(options);
  return said && next > options.first && next <= options.last ? next : options.first;
}

void write_resume(const Options& options, uint64_t program, uint64_t next) {
  if (options.resume.empty()) return;
  std::ofstream(options.resume) << program << ' ' << next << '\n';
}

void keep_failure(const Options& options, uint64_t seed, const Outcome& outcome) {
  if (options.keep_failures.empty()) return;
  const std::string path = options.keep_failures + "/seed-" + std::to_string(seed) + ".tape";
  if (!save_tape(path, outcome.decisions))
    std::fprintf(stderr, "patronus-sim: can't write %s\n", path.c_str());
}

Totals run_seeds(const Options& options) {
  Totals totals;
  std::mutex mutex;
  const uint64_t program = options.resume.empty() ? 0 : program_of(options);
  Done done(options.first);
  std::atomic<uint64_t> next{options.first};
  std::atomic<bool> stop{false};
  const auto start = std::chrono::steady_clock::now();
  double printed = 0;
  const auto work = [&] {
    while (!stop) {
      const uint64_t seed = next++;
      if (seed > options.last) return;
      const bool twice = options.twice_every != 0 && seed % options.twice_every == 0;
      Outcome outcome = run_seed(seed, given_by(options), twice);
      const std::lock_guard lock(mutex);
      totals.checked_twice += twice ? 1 : 0;
      if (!outcome.violation.empty()) {
        std::fprintf(stderr, "\nseed %llu: %s\n  %s\n", static_cast<unsigned long long>(seed),
                     outcome.violation.c_str(), outcome.profile.c_str());
        keep_failure(options, seed, outcome);
        if (options.stop_at_first) stop = true;
      }
      done.add(seed);
      add(totals, seed, std::move(outcome));
      const double seconds = seconds_since(start);
      if (seconds - printed > 1 && options.last > options.first) {
        printed = seconds;
        print_progress(totals, options.last - options.first + 1, seconds);
        write_resume(options, program, done.next());
      }
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 1; i < options.jobs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  write_resume(options, program, done.next());
  if (options.last > options.first) std::fprintf(stderr, "\n");
  return totals;
}

void print_totals(const Totals& totals, double seconds, uint32_t jobs) {
  const double simulated = static_cast<double>(totals.simulated.count()) / 1e9;
  std::printf("%llu seeds, %zu violations, %llu checked twice for the same trace\n",
              static_cast<unsigned long long>(totals.seeds), totals.failures.size(),
              static_cast<unsigned long long>(totals.checked_twice));
  std::printf(
      "%.1f seeds/s, %.0f events/s, %.0f simulated seconds/s on %u job%s; at most %llu events in a simulated "
      "second\n",
      static_cast<double>(totals.seeds) / seconds, static_cast<double>(totals.events) / seconds,
      simulated / seconds, jobs, jobs == 1 ? "" : "s", static_cast<unsigned long long>(totals.busiest));
  // What a speed is worth depends on what there was to do.
  std::printf("a simulated second has %.0f events, %.1f operations of clients and %.2f leaders on average\n",
              static_cast<double>(totals.events) / simulated,
              static_cast<double>(totals.operations) / simulated,
              static_cast<double>(totals.leaders) / simulated);
  std::printf(
      "%llu operations, %llu acknowledged; %llu writes on a condition, of which %llu did not hold; "
      "%llu leaders, %llu histories too hard to judge\n",
      static_cast<unsigned long long>(totals.operations),
      static_cast<unsigned long long>(totals.acknowledged),
      static_cast<unsigned long long>(totals.conditional), static_cast<unsigned long long>(totals.unmet),
      static_cast<unsigned long long>(totals.leaders), static_cast<unsigned long long>(totals.too_hard));
  const SessionCounts& sessions = totals.sessions;
  std::printf(
      "sessions: %llu logins, %llu checks, %llu refreshes (%llu in two tabs), %llu logouts, %llu thefts, "
      "%llu refused "
      "after their end\n",
      static_cast<unsigned long long>(sessions.logins), static_cast<unsigned long long>(sessions.checks),
      static_cast<unsigned long long>(sessions.refreshes),
      static_cast<unsigned long long>(sessions.double_refreshes),
      static_cast<unsigned long long>(sessions.logouts), static_cast<unsigned long long>(sessions.reuses),
      static_cast<unsigned long long>(sessions.refusals_after_end));
  std::printf("faults:");
  for (const auto& [fault, count] : totals.faults) {
    std::printf(" %s %llu;", fault.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
}

// The fewest decisions that still make the same checker fire, and their story.
int minimise(const Options& options, const Outcome& failed) {
  const auto start = std::chrono::steady_clock::now();
  double printed = 0;
  const auto print = [&](uint64_t runs, size_t decisions) {
    std::fprintf(stderr, "\r%llu runs, %zu of %zu decisions left ", static_cast<unsigned long long>(runs),
                 decisions, count(failed.decisions));
  };
  Minimiser minimiser(failed, options.runs_max, [&](uint64_t runs, size_t decisions) {
    const double seconds = seconds_since(start);
    if (seconds - printed < 1) return;
    printed = seconds;
    print(runs, decisions);
  });
  const Decisions left = minimiser.run();
  print(minimiser.runs(), count(left));
  std::fprintf(stderr, "\n");
  if (!save_tape(options.minimise, left)) {
    std::fprintf(stderr, "patronus-sim: --minimise '%s' can't be written\n", options.minimise.c_str());
    return kExitUsage;
  }
  const Outcome small = run_world(Tape::from_decisions(left), true);
  std::printf("%zu decisions of %zu are left after %llu runs in %.0f s\n%s\n", count(left),
              count(failed.decisions), static_cast<unsigned long long>(minimiser.runs()),
              seconds_since(start), small.profile.c_str());
  for (const std::string& line : story_of(small, 60)) std::printf("  %s\n", line.c_str());
  std::printf("again with: patronus-sim --tape %s --trace FILE\n", options.minimise.c_str());
  return kExitViolation;
}

// False, and says so, if it can't be written. "-" is the standard output.
bool write_file(const char* option, const std::string& path, const std::string& text) {
  if (path == "-") return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  std::ofstream out(path);
  out << text;
  if (out.flush()) return true;
  std::fprintf(stderr, "patronus-sim: %s '%s' can't be written\n", option, path.c_str());
  return false;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// All that is asked for to look at.
bool write_views(const Options& options, const Outcome& outcome) {
  const std::string title =
      options.tape_file.empty() ? "Seed " + std::to_string(options.first) : "Tape " + options.tape_file;
  if (!options.trace_file.empty() &&
      !write_file("--trace", options.trace_file,
                  joined(outcome.trace) + "trace hash " + std::to_string(outcome.trace_hash) + "\n"))
    return false;
  if (!options.html_file.empty() && !write_file("--html", options.html_file, html_of(outcome, title)))
    return false;
  return options.transcript_file.empty() ||
         write_file("--transcript", options.transcript_file, joined(transcript_of(outcome, title)));
}

// With a trace or from a tape: one run, whose end is told in full.
int run_one(const Options& options) {
  Tape tape = Tape::from_seed(options.first, given_by(options));
  if (!options.tape_file.empty()) {
    std::optional<Decisions> decisions = load_tape(options.tape_file);
    if (!decisions) {
      std::fprintf(stderr,
                   "patronus-sim: --tape '%s' is not a readable tape; use a file that --keep-tape wrote\n",
                   options.tape_file.c_str());
      return kExitUsage;
    }
    tape = Tape::from_decisions(std::move(*decisions));
  }
  const bool looks =
      !options.trace_file.empty() || !options.html_file.empty() || !options.transcript_file.empty();
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome = run_world(std::move(tape), looks);
  const double seconds = seconds_since(start);
  if (!write_views(options, outcome)) return kExitUsage;
  if (!options.keep_tape.empty() && !save_tape(options.keep_tape, outcome.decisions)) {
    std::fprintf(stderr, "patronus-sim: --keep-tape '%s' can't be written\n", options.keep_tape.c_str());
    return kExitUsage;
  }
  std::printf("%s\ntrace hash %llu\n", outcome.profile.c_str(),
              static_cast<unsigned long long>(outcome.trace_hash));
  const std::string violation = outcome.violation;
  const Outcome failed = options.minimise.empty() ? Outcome{} : outcome;
  Totals totals;
  add(totals, options.first, std::move(outcome));
  print_totals(totals, seconds, 1);
  if (violation.empty()) return 0;
  std::printf("violation: %s\n", violation.c_str());
  return options.minimise.empty() ? kExitViolation : minimise(options, failed);
}

bool parse_range(const std::string& text, Options& options) {
  const size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  const char* end = text.data() + text.size();
  const char* middle = text.data() + dots;
  const bool first = std::from_chars(text.data(), middle, options.first).ptr == middle;
  const bool last = std::from_chars(middle + 2, end, options.last).ptr == end;
  return first && last && dots > 0 && dots + 2 < text.size() && options.first <= options.last;
}

int run(int argc, char** argv) {
  CLI::App app(
      "patronus-sim: the production node in a simulated world. A seed gives the same run every time.",
      "patronus-sim");
  Options options;
  std::string range;
  std::string mutant;
  app.add_option("--seed", options.first, "run one seed");
  app.add_option("--seeds", range, "run seeds A..B");
  app.add_option("--jobs", options.jobs, "threads to run seeds on")->check(CLI::Range(1, 256));
  app.add_option("--trace", options.trace_file, "write what happened to this file (one seed or tape)");
  app.add_option("--html", options.html_file, "write a page that shows what happened (one seed or tape)");
  CLI::Option* transcript =
      app.add_option(
             "--transcript", options.transcript_file,
             "tell what happened in plain words, to this file or the standard output (one seed or tape)")
          ->expected(0, 1);
  app.add_option("--tape", options.tape_file, "run the decisions in this file instead of a seed");
  app.add_option("--keep-tape", options.keep_tape, "write the run's decisions to this file");
  app.add_option("--keep-failures", options.keep_failures,
                 "write the tape of each seed that fails to this directory");
  app.add_option("--resume", options.resume,
                 "of a range: go on where this file says that a run was broken off, and keep it up to date");
  app.add_option(
      "--minimise", options.minimise,
      "of a run that fails: write the fewest decisions that make the same checker fire to this file, "
      "and tell their story");
  app.add_option("--runs", options.runs_max, "at most so many runs to minimise")->capture_default_str();
  app.add_option("--check-every", options.twice_every, "run every Nth seed twice and compare; 0: none");
  app.add_flag("--long", options.long_worlds,
               "of seeds: five nodes for ten minutes, with faults and a light load");
  app.add_flag("--stop-at-first", options.stop_at_first, "stop at the first violation");
#ifdef PATRONUS_MUTANTS
  app.add_option("--mutant", mutant, "take one protection out");
#endif
  CLI11_PARSE(app, argc, argv);
  if (transcript->count() > 0 && options.transcript_file.empty()) options.transcript_file = "-";
  if (!range.empty() && !parse_range(range, options)) {
    std::fprintf(stderr, "patronus-sim: --seeds '%s' is not a range; use for example 1..5000\n",
                 range.c_str());
    return kExitUsage;
  }
#ifdef PATRONUS_MUTANTS
  if (!mutant.empty()) {
    active_mutant = mutant_by_name(mutant);
    if (active_mutant == Mutant::kNone) {
      std::fprintf(stderr, "patronus-sim: --mutant '%s' is unknown; there are:", mutant.c_str());
      for (const std::string_view name : mutant_names())
        std::fprintf(stderr, " %s", std::string(name).c_str());
      std::fprintf(stderr, "\n");
      return kExitUsage;
    }
  }
#endif
  if (range.empty()) return run_one(options);
  if (!options.resume.empty()) options.first = read_resume(options);
  const auto start = std::chrono::steady_clock::now();
  const Totals totals = run_seeds(options);
  print_totals(totals, seconds_since(start), options.jobs);
  if (totals.failures.empty()) return 0;
  std::printf("replay with: patronus-sim --seed %llu --trace FILE; make it small with --minimise TAPE\n",
              static_cast<unsigned long long>(totals.failures.front().first));
  return kExitViolation;
}

}  // namespace
}  // namespace patronus::sim

int main(int argc, char** argv) { return patronus::sim::run(argc, argv); }
