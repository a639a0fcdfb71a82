// patronus-load: closed-loop load on Patronus or etcd, and how long the answers took.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "bench/sources.h"

namespace patronus::bench {
namespace {

struct Report {
  double seconds = 0;
  Tally tally;
  bool complete = true;
  std::size_t verified = 0;
  std::vector<std::string> objections;

  bool good() const { return complete && tally.errors.empty() && objections.empty() && tally.all > 0; }
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print(const Options& options, const Report& report, double cpu, double wall) {
  const Tally& tally = report.tally;
  const auto micros = [&](double q) { return static_cast<double>(tally.latency.quantile(q)) / 1e3; };
  std::printf("{\"workload\":\"%s\",\"clients\":%zu,\"targets\":%zu,\"seconds\":%.3f,\"seed\":%llu,\n",
              options.workload.c_str(), options.clients, options.targets.size(), report.seconds,
              static_cast<unsigned long long>(options.seed));
  std::printf(" \"requests\":%llu,\"total_requests\":%llu,\"requests_per_s\":%.1f,\n",
              static_cast<unsigned long long>(tally.in_window), static_cast<unsigned long long>(tally.all),
              static_cast<double>(tally.in_window) / report.seconds);
  std::printf(" \"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99_9\":%.1f,\"max\":%.1f},\n",
              micros(0.5), micros(0.9), micros(0.99), micros(0.999),
              static_cast<double>(tally.latency.max()) / 1e3);
  unsigned long long failed = 0;
  std::string errors;
  for (const auto& [what, count] : tally.errors) {
    failed += count;
    errors += (errors.empty() ? "\"" : ",\"") + what + "\":" + std::to_string(count);
  }
  std::printf(" \"errors\":%llu,\"errors_by_status\":{%s},\n", failed, errors.c_str());
  std::string objections;
  for (const std::string& text : report.objections)
    objections += (objections.empty() ? "\"" : ",\"") + text + '"';
  std::printf(" \"verified_keys\":%zu,\"objections\":[%s],\n", report.verified, objections.c_str());
  std::printf(" \"load_cpu_share\":%.3f,\"ok\":%s}\n", wall > 0 ? cpu / wall : 0.0,
              report.good() ? "true" : "false");
}

// Distinguishes this run's values from those of every earlier one.
std::uint32_t run_number() {
  std::random_device device;
  return static_cast<std::uint32_t>(device());
}

Report run(const Options& options) {
  const Values values(run_number(), options.value_size);
  Runner runner(options, values);
  WriteLog log(options.keys);
  Report report;
  if (options.each_key_once) {
    EachKeySource source(options, log);
    const auto start = Clock::now();
    runner.drive(source);
    report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    report.tally = source.tally();
    report.complete = source.complete();
  } else {
    RandomSource source(options, Clock::now(), log);
    runner.drive(source);
    report.seconds = options.seconds;
    report.tally = source.tally();
  }
  if (options.kind == Kind::kWrite && options.verify) {
    VerifySource verify(log, values);
    runner.drive(verify);
    report.verified = verify.checked();
    report.objections = verify.objections();
  }
  return report;
}

void print_features() {
#ifdef PATRONUS_LOAD_GRPC
  std::puts("http1 grpc");
#else
  std::puts("http1");
#endif
}

int main_of(int argc, const char* const* argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--features") {
    print_features();
    return 0;
  }
  const ParsedOptions parsed = parse_options(argc, argv);
  if (parsed.help) {
    std::fputs(usage(), stdout);
    return 0;
  }
  if (!parsed.ok) {
    std::fprintf(stderr, "patronus-load: %s\n%s", parsed.error.c_str(), usage());
    return 2;
  }
  const auto start = Clock::now();
  const Report report = run(parsed.options);
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();
  print(parsed.options, report, cpu_seconds(), wall);
  return report.good() ? 0 : 1;
}

}  // namespace
}  // namespace patronus::bench

int main(int argc, char** argv) {
  try {
    return patronus::bench::main_of(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patronus-load: %s\n", error.what());
    return 1;
  }
}
