#include "bench/protocol.h"

namespace patronus::bench {

std::unique_ptr<Protocol> make_protocol(const Options& options, const Target& target, const Values& values,
                                        std::string& error) {
  switch (options.wire) {
    case Wire::kPatronus:
      return make_patronus(options, target, values);
    case Wire::kEtcdJson:
      return make_etcd_json(options, target, values);
    case Wire::kEtcdGrpc:
#ifdef PATRONUS_LOAD_GRPC
      return make_etcd_grpc(target, values);
#else
      error = "built without gRPC: install libnghttp2-dev, then run cmake and make bench again";
      return nullptr;
#endif
  }
  error = "unknown wire";
  return nullptr;
}

}  // namespace patronus::bench
