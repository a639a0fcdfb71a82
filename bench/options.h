#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace patronus::bench {

// How requests look on the wire.
enum class Wire : std::uint8_t { kPatronus, kEtcdJson, kEtcdGrpc };
enum class Kind : std::uint8_t { kWrite, kRead };

struct Target {
  std::string host;
  std::string port;
  std::string authority() const { return host + ":" + port; }
};

struct Options {
  std::string workload;
  Wire wire = Wire::kPatronus;
  Kind kind = Kind::kWrite;
  std::vector<Target> targets;
  std::vector<std::string> headers;  // Extra header lines for the HTTP/1.1 workloads, such as a token.
  std::size_t clients = 64;
  std::size_t keys = 10'000;
  std::size_t value_size = 256;
  double seconds = 5;
  double warmup = 1;
  double request_timeout = 5;
  std::uint64_t seed = 1;
  bool each_key_once = false;
  bool verify = true;
};

struct ParsedOptions {
  bool ok = false;
  bool help = false;
  std::string error;
  Options options;
};

ParsedOptions parse_options(int argc, const char* const* argv);
const char* usage();

}  // namespace patronus::bench
