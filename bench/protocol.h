#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/options.h"
#include "bench/value.h"

namespace patronus::bench {

struct Operation {
  Kind kind = Kind::kWrite;
  std::size_t key = 0;
  std::uint64_t write = 0;  // The number that is stored in the value written.
  bool want_value = false;  // A read whose value is looked at, not only its size: decoding costs time.
};

// How a request ended. `value` is what a read found, if it was wanted; valid until the protocol is fed again.
struct Reply {
  bool ok = false;
  std::string error;  // Such as "http 503", "grpc 14", "miss"; empty when ok.
  std::string_view value;
};

enum class Progress : std::uint8_t {
  kMore,         // The reply is not complete yet.
  kDone,         // The reply is complete and the connection can be used again.
  kDoneAndClose  // The reply is complete, the connection is at its end.
};

// One connection's side of a wire protocol, without a socket: bytes in, bytes out, one request at a time.
class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  // A new connection begins; appends what has to be sent before the first request.
  virtual void connected(std::string& out) = 0;
  virtual void request(const Operation& operation, std::string& out) = 0;
  // Takes bytes; may append bytes to be sent at once, such as acknowledgements of HTTP/2.
  virtual Progress consume(std::string_view bytes, std::string& out, Reply& reply) = 0;
};

// Null with a reason in `error` where the program was built without what the wire needs.
std::unique_ptr<Protocol> make_protocol(const Options& options, const Target& target, const Values& values,
                                        std::string& error);

std::unique_ptr<Protocol> make_patronus(const Options& options, const Target& target, const Values& values);
std::unique_ptr<Protocol> make_etcd_json(const Options& options, const Target& target, const Values& values);
#ifdef PATRONUS_LOAD_GRPC  // Only where libnghttp2 was found.
std::unique_ptr<Protocol> make_etcd_grpc(const Target& target, const Values& values);
#endif

}  // namespace patronus::bench
