// The whole state on its way from node to node. A leader has it made, from its image, for members whose log
// ends before its own begins, and offers it; they fetch it part by part over the links that there are, and
// begin again from it, in a process that starts anew: so a state that was fetched comes up like one that was
// here.
#include <utility>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/node.h"

namespace patronus {
namespace {

std::string described(const Artefact& artefact) {
  return "the state of entry " + std::to_string(artefact.index.value) + " (" +
         std::to_string(artefact.bytes) + " bytes)";
}

}  // namespace

void Node::keep_artefacts(Now now, Effects& out) {
  give_state(now, out);
  fetch_state(now, out);
}

void Node::give_state(Now now, Effects& out) {
  const Index base = raft_.log().base_index();
  const std::vector<NodeId> needy = raft_.in_need_of_state(now);
  // What the image has of a cluster that was lost is of no use to a member of the one that goes on.
  const bool is_own = checkpointer_.durable() >= image_from_;
  if (!needy.empty() && is_own && offers_.begin_making(now.mono, base)) out.emplace_back(MakeArtefact{});
  for (const NodeId& member : needy) {
    const std::optional<Artefact> artefact = offers_.offer_to(member, now.mono, base);
    if (artefact) raft_.send(member, OfferArtefact{*artefact}, PersistId{}, out);
  }
  for (const NodeId& member : offers_.waiting()) {
    if (raft_.goes_on_after(member, base)) offers_.done(member);
  }
  raft_.hold_log_after(offers_.held_after(now.mono));
}

void Node::handle(Now now, ArtefactMade& event, Effects& out) {
  out.emplace_back(Notice{NoticeKind::kArtefact,
                          event.artefact ? "can give away " + described(*event.artefact) : event.failure});
  offers_.made(now.mono, event.artefact);
}

// The state in memory is what it was to hold. To end for it would give that up, and on a cluster of one node
// the last that is left.
void Node::handle(Now, ImageDamaged& event, Effects& out) {
  if (checkpointer_.begin_anew())
    out.emplace_back(Notice{NoticeKind::kImageFault, event.reason + "; it is written anew"});
}

void Node::on_fetch_part(Now now, const PeerMessage& event, const FetchPart& fetch, Effects& out) {
  offers_.fetched(fetch.artefact, now.mono);
  out.emplace_back(SendPart{event.from, fetch.artefact, fetch.offset});
}

// Only the leader of this term knows that entries can't help.
void Node::on_offer(Now now, const PeerMessage& event, const OfferArtefact& offer, Effects& out) {
  if (event.from != raft_.leader() || event.message.term != raft_.term() || raft_.is_leader()) return;
  if (!fetch_.offered(offer.artefact, event.from, store_.applied(), now.mono)) return;
  out.emplace_back(
      Notice{NoticeKind::kArtefact, "fetches " + described(offer.artefact) + " from " + event.from});
}

void Node::on_part(Now now, const PeerMessage& event, ArtefactPart&& part, Effects& out) {
  if (!fetch_.under_way() || event.from != fetch_.source()) return;
  if (part.bytes.empty() && part.artefact == fetch_.artefact()) {
    out.emplace_back(Notice{NoticeKind::kArtefact, event.from + " has that state no longer"});
    fetch_.give_up(now.mono);
  } else if (fetch_.arrived(part.artefact, part.offset, part.bytes.size())) {
    out.emplace_back(KeepPart{std::move(part)});
  }
}

void Node::handle(Now now, PartKept& event, Effects& out) {
  if (event.failure.empty()) {
    fetch_.kept(event.offset, now.mono);
    return;
  }
  out.emplace_back(Notice{NoticeKind::kArtefact, event.failure});
  fetch_.give_up(now.mono + limits::kArtefactRetry);
}

void Node::fetch_state(Now now, Effects& out) {
  if (!fetch_.under_way()) return;
  if (fetch_.artefact().index <= store_.applied() && !MUTANT(kFetchOlder)) {
    // Entries have helped after all.
    fetch_.give_up(now.mono);
    return;
  }
  if (fetch_.is_whole()) {
    out.emplace_back(Notice{NoticeKind::kArtefact, "begins again from " + described(fetch_.artefact())});
    out.emplace_back(InstallArtefact{fetch_.artefact()});
    fetch_.give_up(Instant::never());
    return;
  }
  for (const uint64_t offset : fetch_.due(now.mono))
    raft_.send(fetch_.source(), FetchPart{fetch_.artefact(), offset}, PersistId{}, out);
}

}  // namespace patronus
