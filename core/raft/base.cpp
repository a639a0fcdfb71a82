#include "core/raft/base.h"

#include "core/base/limits.h"

namespace patronus {

void encode(Writer& out, const Base& base) {
  out.u64(base.index.value);
  out.u64(base.term.value);
  out.i64(base.stamp.lease_ms);
  out.i64(base.stamp.wall_ms);
  out.u64(base.configuration_index.value);
  out.bytes(base.configuration ? encode_configuration(*base.configuration) : std::string());
}

Base decode_base(Reader& in) {
  Base base;
  base.index = Index{in.u64()};
  base.term = Term{in.u64()};
  base.stamp.lease_ms = in.i64();
  base.stamp.wall_ms = in.i64();
  base.configuration_index = Index{in.u64()};
  const std::string_view configuration = in.bytes(limits::kEntryBytesMax);
  if (!configuration.empty()) {
    base.configuration = decode_configuration(configuration);
    if (!base.configuration) in.fail();
  }
  const auto sane = [](int64_t ms) { return ms >= 0 && ms <= limits::kStampMax; };
  const bool plausible = base.index.value <= limits::kCounterMax && base.term.value <= limits::kCounterMax &&
                         sane(base.stamp.lease_ms) && sane(base.stamp.wall_ms) &&
                         static_cast<bool>(base.index) == static_cast<bool>(base.term) &&
                         base.configuration_index <= base.index &&
                         static_cast<bool>(base.configuration_index) == base.configuration.has_value();
  if (!plausible) in.fail();
  return base;
}

}  // namespace patronus
