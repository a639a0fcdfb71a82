#include "core/wal/judgement.h"

#include <algorithm>

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

}  // namespace

Judgement judge_boot(const wal::Recovered& recovered, Incarnation image_incarnation, const Base& image) {
  if (!image.index) return judge_without_image(recovered);
  if (recovered.verdict == wal::Verdict::kEmpty) {
    return {BootVerdict::kImageAhead, "the image holds " + at(image.index) + " and the log is gone"};
  }
  if (image_incarnation != recovered.incarnation)
    return {BootVerdict::kImageOfAnother, "the image is of another data directory than the log"};
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

}  // namespace patronus
