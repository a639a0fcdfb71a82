// What is staged as rows, and back.
#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/state/staging.h"

namespace patronus {
namespace {

RowValue encoded(const Restoration& last) {
  RowValue value;
  Writer out(value.head);
  encode(out, RestoreOp{last.begun});
  out.bytes(last.by);
  out.u64(last.since.value);
  out.i64(last.began_wall_ms);
  out.i64(last.stepped_lease_ms);
  out.u8(static_cast<uint8_t>(last.stage));
  out.u64(last.first_piece);
  out.u64(last.next_piece);
  out.u64(last.rows);
  out.u64(last.hash);
  out.u64(last.revision.value);
  out.i64(last.ended_wall_ms);
  for (const uint64_t count :
       {last.counts.put, last.counts.deleted, last.counts.unchanged, last.counts.sessions_ended})
    out.u64(count);
  return value;
}

std::optional<Restoration> decoded(std::string_view value) {
  Reader in(value);
  Restoration last;
  RestoreOp op = decode_restore_op(in);
  auto* begun = std::get_if<BeginRestoreOp>(&op);
  if (begun == nullptr) return std::nullopt;
  last.begun = std::move(*begun);
  last.by = in.text(limits::kAccountIdBytesMax);
  last.since = Index{in.u64()};
  last.began_wall_ms = in.i64();
  last.stepped_lease_ms = in.i64();
  const uint8_t stage = in.u8();
  last.stage = static_cast<RestoreStage>(stage);
  last.first_piece = in.u64();
  last.next_piece = in.u64();
  last.rows = in.u64();
  last.hash = in.u64();
  last.revision = Index{in.u64()};
  last.ended_wall_ms = in.i64();
  for (uint64_t* count :
       {&last.counts.put, &last.counts.deleted, &last.counts.unchanged, &last.counts.sessions_ended})
    *count = in.u64();
  const bool sane = in.done() && stage >= 1 && stage <= 3 && last.first_piece >= 1 &&
                    last.first_piece <= last.next_piece && last.stepped_lease_ms >= 0 &&
                    last.stepped_lease_ms <= limits::kStampMax;
  return sane ? std::optional(std::move(last)) : std::nullopt;
}

RowValue encoded(const Blob& piece) { return RowValue{{}, piece}; }

}  // namespace

void Staging::touch_last() { changes_.touch(row_key(RowKind::kRestore), *this); }

void Staging::touch_piece(uint64_t sequence) {
  if (!MUTANT(kForgetStagedRow)) changes_.touch(row_key(RowKind::kStagedPiece, sequence), *this);
}

void Staging::changed() { hash_ = (last_ ? hash64(encoded(*last_).head) : 0) + pieces_hash_; }

void Staging::for_each_row(const RowVisitor& visit) const {
  if (last_) visit(row_key(RowKind::kRestore), encoded(*last_));
  for (size_t i = 0; i < pieces_.size(); ++i)
    visit(row_key(RowKind::kStagedPiece, last_->first_piece + i), encoded(pieces_[i]));
}

std::optional<RowValue> Staging::row(std::string_view key) const {
  if (!last_) return std::nullopt;
  if (static_cast<RowKind>(key.front()) == RowKind::kRestore) return encoded(*last_);
  const uint64_t sequence = row_number(key).value_or(0);
  const bool is_kept = sequence >= last_->first_piece && sequence - last_->first_piece < pieces_.size();
  return is_kept ? std::optional(encoded(pieces_[sequence - last_->first_piece])) : std::nullopt;
}

std::optional<std::string> Staging::load_row(std::string_view key, std::string_view value) {
  if (static_cast<RowKind>(key.front()) == RowKind::kRestore) {
    last_ = decoded(value);
    if (!last_ || key.size() != 1) return "what is kept of a restore makes no sense";
    changed();
    return std::nullopt;
  }
  const bool is_next = last_ && row_number(key) == last_->first_piece + pieces_.size();
  if (!is_next || !sum_.add(value) || sum_.cost > limits::kStagingBytesMax)
    return "what is staged to be restored makes no sense";
  add_piece(Blob(std::string(value)));
  changed();
  return std::nullopt;
}

std::optional<std::string> Staging::fault() const {
  if (!last_) return std::nullopt;
  const bool all_kept = last_->first_piece == 1;
  const bool fits = pieces_.size() == last_->next_piece - last_->first_piece &&
                    (!all_kept || (sum_.rows == last_->rows && sum_.hash == last_->hash)) &&
                    (all_kept || last_->stage != RestoreStage::kStaging);
  return fits ? std::nullopt : std::optional<std::string>("what is staged to be restored is incomplete");
}

}  // namespace patronus
