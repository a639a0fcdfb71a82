#include "core/base/mutant.h"

#ifdef PATRONUS_MUTANTS
#include <iterator>

namespace patronus {

Mutant active_mutant = Mutant::kNone;

namespace {
// In the order of the enumeration.
constexpr std::string_view kNames[] = {"none",
                                       "send-before-durable",
                                       "forget-vote",
                                       "vote-twice",
                                       "short-log-vote",
                                       "silent-refusal",
                                       "no-check-quorum",
                                       "no-stickiness",
                                       "commit-old-term",
                                       "ack-aba",
                                       "leader-counts-undurable",
                                       "apply-undurable",
                                       "read-without-round",
                                       "read-before-term-commit",
                                       "no-deduplication",
                                       "sequence-from-zero",
                                       "ignore-incarnation",
                                       "found-with-majority",
                                       "cut-corruption",
                                       "no-random-timeout",
                                       "append-without-check",
                                       "forget-pending",
                                       "ignore-stale-voter",
                                       "vote-not-persisted",
                                       "no-check-at-apply",
                                       "no-refresh-grace",
                                       "no-reuse-detection",
                                       "lease-counts-pause",
                                       "vouch-for-ever",
                                       "expire-by-proposer",
                                       "checkpoint-undurable",
                                       "cut-before-checkpoint",
                                       "count-one-majority",
                                       "change-before-own-term",
                                       "keep-truncated-config",
                                       "learner-counts",
                                       "promote-at-once",
                                       "learner-compares-logs",
                                       "outsider-keeps-quiet",
                                       "remove-unguarded",
                                       "fetch-older",
                                       "trust-old-disk",
                                       "fill-the-disk",
                                       "forget-promises",
                                       "commit-by-one-less",
                                       "elect-by-one-less",
                                       "read-behind-index",
                                       "read-at-applied",
                                       "keep-deleted",
                                       "forget-keyed-answers",
                                       "answer-for-others",
                                       "end-no-session",
                                       "forget-window-row",
                                       "forget-session-row",
                                       "no-copy-on-write",
                                       "image-before-its-end",
                                       "heed-old-term",
                                       "truncate-always",
                                       "forget-erased-row",
                                       "forget-keyed-row",
                                       "forget-member-row",
                                       "forget-lives",
                                       "ignore-expected",
                                       "no-rotation",
                                       "forget-staged-row",
                                       "forget-restored-row",
                                       "restore-unchecked",
                                       "restore-keeps-others",
                                       "forget-table-row",
                                       "ignore-taken-name",
                                       "keep-staged-rows",
                                       "give-unchecked",
                                       "keep-whole-log",
                                       "offer-at-once"};
static_assert(std::size(kNames) == static_cast<size_t>(Mutant::kOfferAtOnce) + 1);
}  // namespace

Mutant mutant_by_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<Mutant>(i);
  }
  return Mutant::kNone;
}

std::vector<std::string_view> mutant_names() { return {std::begin(kNames) + 1, std::end(kNames)}; }

}  // namespace patronus
#endif
