// Versions of what nodes say to each other and of what they write into the log. A node speaks all of them
// from kOldest to kNewest; two nodes speak the highest that both do, so that nodes are upgraded one after the
// other. What is new in the log is to be written only once every member is known to understand it
// (Node::cluster_protocol).
#pragma once

#include <cstdint>

namespace patronus::protocol {

using Version = uint16_t;

inline constexpr Version kOldest = 4;  // the first that can be agreed on
inline constexpr Version kNewest = 7;

// What came with which.
inline constexpr Version kLogRoom = 5;         // nodes say what room their disks have
inline constexpr Version kFormerClusters = 5;  // a cluster may go on from one that was lost
inline constexpr Version kDiskLives = 6;       // what is known of members' disks is told, and kept in the log
inline constexpr Version kRestore = 6;         // a running cluster may be restored from a snapshot
inline constexpr Version kTables = 7;          // the dashboard's tables are a part of the state

}  // namespace patronus::protocol
