// Figure 16 of the Raft paper (extended version) in the simulator: how long nobody leads after a leader's
// crash, for the paper's timeouts with the paper's elections, and with this program's own; a table, and a
// drawing of the distributions.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "cdf_plot.h"
#include "sim/election_trial.h"

namespace patronus::bench {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 100s;
// Nobody is elected there for long; the paper makes as many.
constexpr size_t kTrialsWithoutRandomness = 100;

struct Series {
  std::string name;
  sim::ElectionTrial trial;
  std::string paper;  // what the paper says of it
  std::vector<double> ms;
  size_t trials = 0;
};
struct Group {
  std::string title;
  double from_ms;
  double to_ms;
  std::vector<Series> series;
};

Duration from_ms(double ms) { return Duration{static_cast<int64_t>(ms * 1e6)}; }
std::string ms_name(Duration time) { return std::to_string(time / 1ms); }

Series paper(Duration low, Duration high, std::string said = "") {
  Series one{ms_name(low) + "-" + ms_name(high) + " ms", {}, std::move(said), {}, 0};
  one.trial.election_timeout = low;
  one.trial.paper_window = high - low;
  return one;
}
Series ours(Duration timeout) {
  Series one{"timeout " + ms_name(timeout) + " ms", {}, "", {}, 0};
  one.trial.election_timeout = timeout;
  return one;
}
Series told(Duration timeout) {
  Series one = ours(timeout);
  one.trial.is_told = true;
  return one;
}

std::vector<Group> all_groups() {
  return {{"The paper's elections, more and more randomness; the leader's machine falls silent",
           100,
           100'000,
           {paper(150ms, 150ms, "consistently above 10 s"), paper(150ms, 151ms),
            paper(150ms, 155ms, "median 287 ms"), paper(150ms, 175ms), paper(150ms, 200ms, "worst 513 ms"),
            paper(150ms, 300ms)}},
          {"The paper's elections, shorter and shorter timeouts; the leader's machine falls silent",
           10,
           1'000,
           {paper(12ms, 24ms, "mean 35 ms, worst 152 ms"), paper(25ms, 50ms), paper(50ms, 100ms),
            paper(100ms, 200ms), paper(150ms, 300ms)}},
          {"This program's elections: pre-vote, a window of its own; the leader's machine falls silent",
           10,
           1'000,
           {ours(12ms), ours(25ms), ours(50ms), ours(100ms), ours(150ms)}},
          {"This program's elections; the leader's process crashes, and its machine says so",
           10,
           1'000,
           {told(12ms), told(25ms), told(50ms), told(100ms), told(150ms), told(5s)}}};
}

void run(Series& series, size_t trials, uint64_t first_seed, unsigned jobs) {
  const bool no_randomness = series.trial.paper_window == Duration{0};
  series.trials = no_randomness ? std::min(trials, kTrialsWithoutRandomness) : trials;
  std::vector<std::optional<Duration>> times(series.trials);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < times.size(); i = next++)
      times[i] = sim::time_without_leader(series.trial, first_seed + i, kPatience);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  for (const std::optional<Duration>& time : times) {
    if (time) series.ms.push_back(static_cast<double>(time->count()) / 1e6);
  }
  std::sort(series.ms.begin(), series.ms.end());
}

// Of all trials, also those that did not come to an end, which are above everything.
std::string quantile(const Series& series, double share) {
  const auto place = static_cast<size_t>(share * static_cast<double>(series.trials - 1));
  if (place >= series.ms.size()) return "above " + std::to_string(kPatience / 1s) + " s";
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", series.ms[place]);
  return text;
}

std::string mean(const Series& series) {
  if (series.ms.size() < series.trials) return "-";
  double sum = 0;
  for (const double ms : series.ms) sum += ms;
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", sum / static_cast<double>(series.trials));
  return text;
}

void print(const Series& series) {
  std::printf("  %-16s %6zu %9s %9s %9s %9s %9s   %s\n", series.name.c_str(), series.trials,
              quantile(series, 0).c_str(), quantile(series, 0.5).c_str(), mean(series).c_str(),
              quantile(series, 0.99).c_str(), quantile(series, 1).c_str(), series.paper.c_str());
  std::fflush(stdout);
}

int run_all(int argc, char** argv) {
  CLI::App app("Figure 16 of the Raft paper in the simulator: the time without a leader after a crash.",
               "patronus-figure16");
  size_t trials = 1000;
  uint64_t seed = 1;
  unsigned jobs = 1;
  std::string svg;
  app.add_option("--trials", trials, "of each series")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--seed", seed, "of the first trial; the next has the next")->capture_default_str();
  app.add_option("--jobs", jobs, "threads")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--svg", svg, "draw the distributions into this file");
  std::vector<double> network{0.5, 9};
  std::vector<double> disk{0.5, 2};
  app.add_option("--network", network, "ms that a message takes, at least and at most")
      ->capture_default_str()
      ->expected(2);
  app.add_option("--disk", disk, "ms that a write takes, at least and at most")
      ->capture_default_str()
      ->expected(2);
  CLI11_PARSE(app, argc, argv);
  std::vector<CdfPanel> panels;
  for (Group& group : all_groups()) {
    std::printf("%s\n  %-16s %6s %9s %9s %9s %9s %9s   %s\n", group.title.c_str(), "", "trials", "least",
                "median", "mean", "99%", "worst ms", "the paper says");
    panels.push_back({group.title, group.from_ms, group.to_ms, {}});
    for (Series& series : group.series) {
      series.trial.latency_min = from_ms(network[0]);
      series.trial.latency_max = from_ms(network[1]);
      series.trial.sync_min = from_ms(disk[0]);
      series.trial.sync_max = from_ms(disk[1]);
      run(series, trials, seed, jobs);
      print(series);
      panels.back().lines.push_back({series.name, series.ms, series.trials});
    }
  }
  if (svg.empty()) return 0;
  std::ofstream out(svg);
  out << cdf_plot("Time without a leader after a crash: share of trials that have a new one", panels);
  if (out.flush()) return 0;
  std::fprintf(stderr, "patronus-figure16: --svg '%s' can't be written\n", svg.c_str());
  return 2;
}

}  // namespace
}  // namespace patronus::bench

int main(int argc, char** argv) { return patronus::bench::run_all(argc, argv); }
