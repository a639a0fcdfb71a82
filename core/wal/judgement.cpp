#include "core/wal/judgement.h"

#include <algorithm>

#include "core/base/mutant.h"

namespace patronus {
namespace {

std::string at(Index index) { return "entry " + std::to_string(index.value); }

Judgement judge_without_image(const wal::Recovered& recovered) {
  if (!recovered.entries.empty() && recovered.entries.front().index > Index{1}) {
    return {BootVerdict::kGap, "the log begins with " + at(recovered.entries.front().index) +
                                   " and there is no image of the state before it"};
  }
  const bool was_cut = !recovered.segments.empty() && recovered.segments.front().segment > 1;
  if (recovered.entries.empty() && was_cut)
    return {BootVerdict::kGap, "the log was cut and there is no image of the state before it"};
  return {};
}

// Both are there, and of the same data directory.
Judgement judge_together(const wal::Recovered& recovered, const Base& image) {
  if (recovered.hard.term < image.term) {
    return {BootVerdict::kImageAhead, "the image is of a later term than the log"};
  }
  if (recovered.entries.empty()) {
    // All that ever was in the log was cut, which the first segment's number tells.
    if (recovered.segments.front().segment > 1) return {};
    return {BootVerdict::kImageAhead, "the image holds " + at(image.index) + " and the log has none"};
  }
  const Entry& first = recovered.entries.front();
  const Entry& last = recovered.entries.back();
  if (last.index < image.index) {
    return {BootVerdict::kImageAhead,
            "the image holds " + at(image.index) + " and the log ends with " + at(last.index)};
  }
  if (first.index > image.index.next()) {
    return {BootVerdict::kGap,
            "the image ends with " + at(image.index) + " and the log begins with " + at(first.index)};
  }
  const Term term = first.index > image.index ? std::min(first.term, image.term)
                                              : recovered.entries[image.index.value - first.index.value].term;
  if (term != image.term) {
    return {BootVerdict::kContradicts, "the log has another " + at(image.index) + " than the image"};
  }
  return {};
}

}  // namespace

Judgement judge_boot(const wal::Recovered& recovered, const ImageOrigin& origin) {
  const Base& image = origin.base;
  if (!image.index) return judge_without_image(recovered);
  if (recovered.verdict == wal::Verdict::kEmpty) {
    return {BootVerdict::kImageAhead, "the image holds " + at(image.index) + " and the log is gone"};
  }
  if (origin.incarnation != recovered.incarnation)
    return {BootVerdict::kImageOfAnother, "the image is of another data directory than the log"};
  Judgement judgement = judge_together(recovered, image);
  if (origin.installed && judgement.verdict != BootVerdict::kFits) return {BootVerdict::kLogLeftBehind, {}};
  return judgement;
}

wal::Write begin_log_anew(const wal::Recovered& recovered, const Base& image, size_t segment_bytes) {
  HardState hard = recovered.hard;
  if (hard.term < image.term) {
    hard.term = image.term;
    hard.voted_for.clear();
  }
  if (MUTANT(kForgetPromises)) hard.voted_for.clear();
  wal::Position position = recovered.position;
  position.offset = segment_bytes;  // nothing more fits
  if (!recovered.segments.empty())
    position.segment = std::max(position.segment, recovered.segments.back().segment);
  wal::Encoder encoder(recovered.incarnation, position, segment_bytes, hard);
  const Persist promises{PersistId{1}, hard, {}};
  return encoder.encode({&promises, 1});
}

}  // namespace patronus
