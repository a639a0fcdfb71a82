// Any bytes as a datagram: read alone, given to a site's responder and to a node's engine that has probes on
// their way. The first byte says how it is dressed, so that what needs a right key is reached as well.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/sdwan/probe_key.h"
#include "tests/probe_world.h"

namespace {

using namespace patronus;
using namespace patronus::sdwan;
using namespace patronus::sdwan::test;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

std::string sealed(std::string bytes, std::string_view key, auth::HmacSha256& hmac) {
  const std::optional<probe::Head> head = probe::read_head(bytes);
  if (!head) return bytes;
  probe::Head of = *head;
  if (head->kind == probe::Kind::kProbe) return probe::make_probe(of, key, hmac);
  if (head->kind == probe::Kind::kAnswer) return probe::make_answer(of, key, hmac);
  if (head->kind == probe::Kind::kPathProbe) {
    const std::optional<probe::PathProbe> path = probe::read_path_probe(bytes);
    return path ? probe::make_path_probe(of, *path, key, hmac) : bytes;
  }
  const std::optional<probe::PathAnswer> answer = probe::read_path_answer(bytes);
  return answer ? probe::make_path_answer(of, *answer, key, hmac) : bytes;
}

// What is read is made again, byte for byte.
void try_alone(std::string_view datagram, auth::HmacSha256& hmac) {
  const std::string key(probe::kKeyBytes, 'k');
  const std::optional<probe::Head> head = probe::read_head(datagram);
  if (!head) return;
  const std::string again = sealed(std::string(datagram), key, hmac);
  const size_t said = datagram.size() - probe::kCodeBytes;
  require(again.size() == datagram.size());
  require(std::string_view(again).substr(0, said) == datagram.substr(0, said));
}

void try_live(uint8_t dress, std::string_view bytes, auth::HmacSha256& hmac) {
  sim::SimCrypto crypto("the cluster's secret", 1);
  Tables tables;
  uint64_t index = 0;
  const auto apply = [&](TableOp op) { (void)tables.apply(op, Index{++index}, Stamp{1, 1}); };
  apply(OpenTablesOp{kTablesSchema});
  for (const uint8_t i : {uint8_t{1}, uint8_t{2}}) {
    const std::string id = "s" + std::to_string(i);
    apply(PutSiteOp{id, true, {id, {{place(i).text(), "fiber", 0}}, 1}, {}});
  }
  apply(PutPolicyOp{"p", true, {"p", true, "s1", "s2", PathPreference::kScore, {}, {}, {}}, {}});
  ProbeWorld world;
  const std::string key = probe_key("s1", 1, crypto);
  SiteAt first(world, "s1", place(1), key);
  std::string last_probe;
  world.line = [&](const UdpAddress& from, const UdpAddress&, std::string& datagram) {
    if (from == place(100)) last_probe = datagram;
    return std::vector<Duration>{};
  };
  NodeAt node(world, tables, place(100), std::chrono::milliseconds(100), 1);
  world.run(std::chrono::seconds(2));
  std::string datagram(bytes);
  // Bytes put over a probe that is on its way: its nonce and sequence are right.
  if ((dress & 1) != 0 && last_probe.size() > 6) {
    std::string over = (dress & 8) != 0 && last_probe.size() == probe::kPathProbeBytes
                           ? last_probe.substr(0, probe::kHeadBytes) +
                                 std::string(probe::kPathAnswerBytes - probe::kHeadBytes, '\0')
                           : last_probe;
    const size_t from = (dress & 2) != 0 ? probe::kHeadBytes : 4;
    for (size_t i = 0; i < datagram.size() && from + i < over.size(); ++i) over[from + i] = datagram[i];
    if ((dress & 8) != 0 && over.size() == probe::kPathAnswerBytes) over[5] = 4;
    datagram = over;
  }
  if ((dress & 4) != 0) datagram = sealed(datagram, key, hmac);
  const uint64_t answers = (*node).figures().answers;
  world.arrive(std::chrono::milliseconds(1), place(1), place(100), datagram);
  world.arrive(std::chrono::milliseconds(1), place(100), place(1), datagram);
  world.run(std::chrono::seconds(5));
  if ((dress & 4) == 0 && (dress & 1) == 0) require((*node).figures().answers == answers);
  require((*first).waiting() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auth::HmacSha256 hmac;
  try_alone(bytes, hmac);
  try_live(data[0], bytes, hmac);
  return 0;
}
