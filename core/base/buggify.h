// Sites at which what is rare in production is made common in simulated worlds: a limit is reached, a batch
// is cut short, a try is repeated before its time. Each is a turn that may come at any time, so that nothing
// that is promised depends on it (after FoundationDB's BUGGIFY). They exist only in builds with
// PATRONUS_MUTANTS; elsewhere BUGGIFY(x) is the constant false and leaves no trace.
#pragma once

#include <cstdint>
#include <string_view>

namespace patronus {

enum class RareTurn : uint8_t {
  kEqualTimeouts,     // elections begin after the shortest timeout that may be drawn
  kOneEntryAppend,    // an append carries one entry
  kProposalsFull,     // a leader has as much uncommitted as it takes
  kLogFull,           // a leader's log is as long as it may be
  kReadRoundFull,     // as many reads as may wait for a leader's round
  kCutOneEntry,       // of the log in memory one entry goes at a time
  kTransferTimesOut,  // a leader gives up handing over, though its word may be on the way
  kApplyOneEntry,     // one committed entry is applied before the loop turns
  kWritesFull,        // as many writes as may wait at a node
  kReadsFull,         // as many reads as may wait at a node
  kTransfersFull,     // as many requests to move leadership as may wait at a node
  kForwardAgain,      // a write goes to the leader once more before it could have been lost
  kCheckpointNow,     // a checkpoint begins before it is due
  kOneRowPiece,       // a piece of a checkpoint or of the database has one row
  kSourceStuck,       // whoever is asked for the whole state seems to give nothing
  kPartAgain,         // a part of the state is asked for once more before it could have been lost
  kOneRestorePiece,   // a restore stages one piece at a time
  kOneWriteBatch,     // a batch of the log's file holds what one step wrote
  kPeersFull,         // as many peers are connected as may be
  kPeerClogged,       // a peer takes nothing in
  kConnectionsFull,   // as many clients are connected as may be
  kInputFull,         // clients' requests fill as much memory as they may
  kPasswordsFull,     // as many passwords as may be checked at a time
};
inline constexpr size_t kRareTurns = static_cast<size_t>(RareTurn::kPasswordsFull) + 1;

#ifdef PATRONUS_MUTANTS
class Rarities {
 public:
  // True if it is to happen now.
  virtual bool comes(RareTurn turn) = 0;

 protected:
  ~Rarities() = default;
};

// Those of the world that this thread runs; null: nothing rare is made common.
extern thread_local Rarities* rarities;
#define BUGGIFY(turn) \
  (::patronus::rarities != nullptr && ::patronus::rarities->comes(::patronus::RareTurn::turn))
std::string_view rare_turn_name(RareTurn turn);
#else
#define BUGGIFY(turn) false
#endif

}  // namespace patronus
