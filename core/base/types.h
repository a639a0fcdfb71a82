// The core's ids and counters as types of their own, so that a term can't be passed for an index.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace patronus {

// An unsigned counter with a name. It is ordered and can be stepped, and converts to nothing by itself.
template <typename Tag>
struct Counter {
  uint64_t value = 0;

  constexpr Counter() = default;
  explicit constexpr Counter(uint64_t v) : value(v) {}

  friend constexpr auto operator<=>(const Counter&, const Counter&) = default;
  constexpr Counter next() const { return Counter{value + 1}; }
  constexpr Counter prev() const { return Counter{value == 0 ? 0 : value - 1}; }
  explicit constexpr operator bool() const { return value != 0; }
};

using Term = Counter<struct TermTag>;          // Raft's term; 0 before the first
using Index = Counter<struct IndexTag>;        // position in the log, from 1; also the state's revision
using PersistId = Counter<struct PersistTag>;  // a write to the log on disk, in order; 0 waits for nothing
using RequestId = Counter<struct RequestTag>;  // a client's request at this node's driver
using Incarnation = Counter<struct IncarnationTag>;  // random name of a data directory, made once; never 0
using Round = Counter<struct RoundTag>;              // a leader's heartbeat round, for read index

// A node's name, from PATRONUS_NODE_ID: 1 to kNodeIdBytesMax of [A-Za-z0-9._-]. Never an address.
using NodeId = std::string;

// Names a cluster for ever. All zero means: belongs to none yet.
struct ClusterId {
  std::array<uint64_t, 2> words{};

  friend constexpr auto operator<=>(const ClusterId&, const ClusterId&) = default;
  explicit constexpr operator bool() const { return words[0] != 0 || words[1] != 0; }
  // 32 hexadecimal digits.
  std::string hex() const;
};

std::string to_hex(uint64_t value);

// True if the text may be a NodeId.
bool is_node_id(const std::string& text);

}  // namespace patronus
