#include "bench/options.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace patronus::bench {
namespace {

struct Named {
  const char* name;
  Wire wire;
  Kind kind;
};

constexpr Named kWorkloads[] = {
    {"patronus-write", Wire::kPatronus, Kind::kWrite},  {"patronus-read", Wire::kPatronus, Kind::kRead},
    {"etcd-json-write", Wire::kEtcdJson, Kind::kWrite}, {"etcd-json-read", Wire::kEtcdJson, Kind::kRead},
    {"etcd-grpc-write", Wire::kEtcdGrpc, Kind::kWrite}, {"etcd-grpc-read", Wire::kEtcdGrpc, Kind::kRead},
};

bool parse_count(std::string_view text, std::uint64_t low, std::uint64_t high, std::uint64_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size() && out >= low && out <= high;
}

bool parse_size(std::string_view text, std::uint64_t low, std::uint64_t high, std::size_t& out) {
  std::uint64_t wide = 0;
  if (!parse_count(text, low, high, wide)) return false;
  out = static_cast<std::size_t>(wide);
  return true;
}

bool parse_seconds(const std::string& text, double low, double& out) {
  char* end = nullptr;
  out = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(out) && out >= low && out <= 3600;
}

bool parse_targets(std::string_view text, std::vector<Target>& out) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    const auto colon = one.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == one.size()) return false;
    out.push_back({std::string(one.substr(0, colon)), std::string(one.substr(colon + 1))});
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return !out.empty();
}

bool parse_workload(const std::string& text, Options& out) {
  for (const Named& named : kWorkloads) {
    if (text != named.name) continue;
    out.workload = text;
    out.wire = named.wire;
    out.kind = named.kind;
    return true;
  }
  return false;
}

bool parse_header(const std::string& text, std::vector<std::string>& out) {
  if (text.find(':') == std::string::npos || text.find_first_of("\r\n") != std::string::npos) return false;
  out.push_back(text);
  return true;
}

// Nothing if the option is unknown, otherwise whether its value was good.
std::optional<bool> set_option(std::string_view name, const std::string& value, Options& out) {
  if (name == "--workload") return parse_workload(value, out);
  if (name == "--targets") return parse_targets(value, out.targets);
  if (name == "--header") return parse_header(value, out.headers);
  if (name == "--clients") return parse_size(value, 1, 10'000, out.clients);
  if (name == "--keys") return parse_size(value, 1, 10'000'000, out.keys);
  if (name == "--value-size") return parse_size(value, 24, 1'000'000, out.value_size);
  if (name == "--seconds") return parse_seconds(value, 0.05, out.seconds);
  if (name == "--warmup") return parse_seconds(value, 0, out.warmup);
  if (name == "--timeout") return parse_seconds(value, 0.01, out.request_timeout);
  if (name == "--seed") return parse_count(value, 0, UINT64_MAX, out.seed);
  return std::nullopt;
}

ParsedOptions refuse(std::string why) {
  ParsedOptions result;
  result.error = std::move(why);
  return result;
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv) {
  ParsedOptions result;
  std::optional<std::size_t> only;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      result.help = true;
      return result;
    }
    if (name == "--each-key-once") {
      result.options.each_key_once = true;
      continue;
    }
    if (name == "--no-verify") {
      result.options.verify = false;
      continue;
    }
    if (i + 1 == argc) return refuse(name + " is unknown or lacks its value");
    const std::string value = argv[++i];
    std::optional<bool> good = set_option(name, value, result.options);
    if (name == "--only") good = parse_size(value, 0, 1'000, only.emplace());
    if (!good) return refuse("unknown option " + name);
    if (!*good) return refuse(name + ": cannot use \"" + value + "\"");
  }
  auto& targets = result.options.targets;
  if (result.options.workload.empty()) return refuse("--workload is missing");
  if (targets.empty()) return refuse("--targets is missing");
  if (only && *only >= targets.size()) return refuse("--only: there is no such target");
  if (only) targets = {targets[*only]};
  if (result.options.each_key_once && result.options.kind != Kind::kWrite) {
    return refuse("--each-key-once needs a write workload");
  }
  result.ok = true;
  return result;
}

const char* usage() {
  return "usage: patronus-load --workload W --targets HOST:PORT[,HOST:PORT...] [options]\n"
         "  --workload W     patronus-write, patronus-read, etcd-json-write, etcd-json-read,\n"
         "                   etcd-grpc-write, etcd-grpc-read\n"
         "  --targets LIST   clients are spread over these evenly\n"
         "  --only INDEX     use only this one of the targets, counted from 0\n"
         "  --clients N      connections, each with one request outstanding (64)\n"
         "  --seconds S      measured time (5)\n"
         "  --warmup S       time before it that is not measured (1)\n"
         "  --timeout S      after which a request has failed (5)\n"
         "  --keys N         size of the keyspace (10000)\n"
         "  --value-size N   bytes of a value (256)\n"
         "  --seed N         of the choice of keys (1)\n"
         "  --header LINE    extra header of the HTTP/1.1 workloads; may be repeated\n"
         "  --each-key-once  write every key once and stop: fills the keyspace for reads\n"
         "  --no-verify      do not read keys back after writing\n"
         "  --features       alone: say which wires this program was built with\n"
         "A report in JSON goes to stdout. Exit: 0 no error, 1 errors or a failed verification, 2 usage.\n";
}

}  // namespace patronus::bench
