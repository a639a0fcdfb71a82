// Every bound of the system, and how they relate. Past a limit there is a clear refusal, never growth.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/time.h"

namespace patronus::limits {

using namespace std::chrono_literals;

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;

// Membership.
inline constexpr size_t kMembersMax = 7;
inline constexpr size_t kNodeIdBytesMax = 63;    // a DNS label, so that host names and pod names fit
inline constexpr size_t kAddressBytesMax = 261;  // a 253 byte host name, brackets, a colon, a port
inline constexpr size_t kVersionBytesMax = 64;
inline constexpr size_t kFormerClustersKept = 4;          // that were lost, and that this one goes on from
inline constexpr size_t kRemovedNodesKept = 64;           // data directories that may not come back
inline constexpr size_t kAdmittedByBytesMax = 254;        // a node's id or a user's email address
inline constexpr uint64_t kPromoteLagEntriesMax = 1'000;  // a learner gets a vote with less to catch up
inline constexpr Duration kAdmitRetry = 2s;               // a node at the door is proposed again after this
inline constexpr Duration kAdmitPatience = 1s;      // a node that is dialled to see whether it is there still
inline constexpr Duration kDoorCheck = 250ms;       // of who has come
inline constexpr Duration kNotMemberInterval = 1s;  // a stranger is told so this often
inline constexpr size_t kDiskLivesMax = 128;        // data directories whose lives are remembered
inline constexpr size_t kLifeProcessesMax = 16;     // that begin, one after the other, and meet nobody
inline constexpr Duration kLifeInterval = 60s;      // a copy older than this is found out
inline constexpr Duration kDiskWentBackInterval = 1s;  // a node whose disk went back is told so this often
inline constexpr size_t kPeerTargetsMax = 32;          // nodes dialled besides the configured ones

// Replicated state.
inline constexpr size_t kNamespaceBytesMax = 63;
inline constexpr size_t kKeyBytesMax =
    440;  // with its namespace and a separator within the 511 bytes of an LMDB key
inline constexpr size_t kValueBytesMax = kMiB;
inline constexpr size_t kContentTypeBytesMax = 127;
inline constexpr size_t kBatchOpsMax = 128;
inline constexpr size_t kBatchBytesMax = kMiB + 256 * kKiB;  // keys and values of one batch together
inline constexpr size_t kBatchResultBytesMax = 2 * kMiB;     // what the gets of one batch may return together
inline constexpr size_t kDeletePrefixKeysMax = 10'000;       // keys one delete_prefix may take away
inline constexpr size_t kListItemsMax = 1'000;
inline constexpr size_t kListItemsDefault = 100;
inline constexpr size_t kListBytesMax = 2 * kMiB;       // a page is cut here, and the cursor goes on
inline constexpr size_t kStateBytesMax = 256 * kMiB;    // the quota of keys, values and kept answers
inline constexpr size_t kHistoryLeadersMax = 256;       // leader changes kept for cluster/history
inline constexpr size_t kRowKeyBytesMax = 511;          // of the state as rows: a key of LMDB
inline constexpr size_t kWindowsMax = 4 * kMembersMax;  // deduplication windows, with members that just left

// Exactly once.
inline constexpr size_t kIdempotencyKeyBytesMax = 255;
inline constexpr size_t kKeyedWritesPerUserMax = 65'536;
inline constexpr size_t kKeyedAnswerBytesMax =
    16 * kKiB;  // a keyed batch whose answer would be larger is refused
inline constexpr Duration kKeyedWriteKept = 24h;
inline constexpr size_t kKeyedExpiredPerApplyMax = 64;  // bounds the work of one apply
inline constexpr size_t kWritesInFlightMax = 4'096;     // writes one node waits for, its deduplication window
inline constexpr uint64_t kSequenceBitsPerBoot = 40;    // a boot's writes: sequence = boot << 40 | n

inline constexpr size_t kPendingWriteBytesMax =
    32 * kMiB;                                       // all of them together, as they may be sent at once
inline constexpr size_t kAppliesPerStepMax = 1'024;  // the rest is applied in the next step

// Accounts and sessions, as replicated.
inline constexpr size_t kUsersMax = 10'000;
inline constexpr size_t kSessionsMax = 100'000;
inline constexpr size_t kSessionsPerUserMax = 100;
inline constexpr size_t kSigningKeysMax = 8;
inline constexpr size_t kAccountIdBytesMax = 64;
inline constexpr size_t kEmailBytesMax = 254;  // RFC 5321, section 4.5.3.1.3
inline constexpr size_t kUserNameBytesMax = 256;
inline constexpr size_t kStoredPasswordBytesMax = 512;
inline constexpr size_t kSessionAddressBytesMax = 64;
inline constexpr size_t kSessionAgentBytesMax = 256;
inline constexpr size_t kPublicKeyBytesMax = 64;
inline constexpr size_t kWrappedKeyBytesMax = 256;
inline constexpr size_t kTouchesPerEntryMax = 4'096;  // sessions used at one node within a second
inline constexpr size_t kSessionsExpiredPerApplyMax = 256;
inline constexpr Duration kAccessTokenLife = 15min;
inline constexpr Duration kRefreshGrace = 30s;  // the refresh token just replaced still gives its successor
inline constexpr Duration kTouchInterval = 1s;  // one entry for each node and interval at most
inline constexpr Duration kTouchGranularity = 1min;  // last-seen is no more exact than this
inline constexpr Duration kExpiryRetry = 2s;         // an expiry that was not applied is proposed again
inline constexpr Duration kSessionIdleMin = 2min;    // a session in use must not idle out between touches

// Operators.
inline constexpr size_t kTransfersInFlightMax = 16;  // requests for another leader that one node waits for
inline constexpr Duration kTransferRetry = 200ms;    // the leader is asked again
inline constexpr uint64_t kTransferLagEntriesMax = 4'096;  // who lacks more is not named leader
inline constexpr uint8_t kLeaderPriorityMax = 100;
inline constexpr int64_t kHandOverPatienceTimeouts =
    4;  // a leader hands over by itself after so many election timeouts
inline constexpr int64_t kHandOverBackOffFactorMax = 256;  // and again after so many times that at most
inline constexpr Duration kSlowDiskMin = 20ms;  // a tenth of the election timeout is slow, within these
inline constexpr Duration kSlowDiskMax = 100ms;
inline constexpr size_t kOperatorBodyBytesMax = 4 * kKiB;

// Reads.
inline constexpr size_t kReadsInFlightMax = 16'384;  // reads one node waits for

// Consensus.
inline constexpr size_t kEntryBytesMax = 2 * kMiB;  // an encoded command
inline constexpr size_t kAppendBytesMax = kMiB;     // entries of one append message, at least one entry
inline constexpr size_t kAppendBytesWhenFull = 16 * kKiB;  // to a member whose disk is full
inline constexpr size_t kAppendEntriesMax = 4'096;
inline constexpr size_t kInflightMessagesMax = 4;  // a small window lets entries gather into batches
inline constexpr size_t kInflightBytesMax = 8 * kMiB;
inline constexpr size_t kProposalsUncommittedBytesMax = 64 * kMiB;
inline constexpr size_t kLogBytesMax = 1024 * kMiB;  // of the log that can't be cut; then writes are refused
inline constexpr uint64_t kCounterMax = uint64_t{1} << 62;  // terms, indexes: beyond is nobody's honest count
inline constexpr int64_t kStampMax = int64_t{1} << 53;      // milliseconds
inline constexpr Duration kElectionTimeoutMin = 50ms;
inline constexpr Duration kElectionTimeoutMax = 60s;
inline constexpr Duration kElectionWindowMin = 50ms;
inline constexpr Duration kElectionWindowMax = 300ms;
inline constexpr Duration kCrashPatience = 20ms;   // followers of a crashed leader ask within this
inline constexpr Duration kCrashRetry = 30ms;      // and again after this, doubled up to the election window
inline constexpr Duration kHandOverRetry = 200ms;  // of a leader that drains
inline constexpr Duration kLeavePatience = 5s;     // a leader that finds no successor leaves after this
inline constexpr Duration kTransferTimeout = 1s;   // then a hand-over is given up
inline constexpr int64_t kWallOffsetMaxMs = 10'000;  // a clock further from the quorum's median is not read
inline constexpr Duration kForwardRetry = 2s;        // a forwarded write not seen applied is sent again
inline constexpr Duration kReadRetry = 500ms;        // a read index not answered is asked for again
inline constexpr Duration kRetryIntervalMax = 1s;    // a lost append is sent again within this

// Write-ahead log.
inline constexpr size_t kWalSegmentBytes = 16 * kMiB;
inline constexpr size_t kWalSegmentHeaderBytes = 512;
inline constexpr size_t kWalBatchBytesMax = 8 * kMiB;   // one write and one fdatasync
inline constexpr size_t kPersistBytesMax = 128 * kKiB;  // of entries in one piece, but at least one entry
inline constexpr size_t kWalRecordsPerBatchMax = 65'536;
inline constexpr size_t kLogSpareBytes = 8 * kMiB;  // left free beside a segment made ahead, for a checkpoint
inline constexpr Duration kLogRoomRetry = 1s;  // a segment that a full disk had no room for is tried again
// On a full disk the segment in use is the last one. The end of it is for terms and votes alone; before that
// comes what this node still takes from a leader that does not know yet.
inline constexpr size_t kLogReserveBytes = 256 * kKiB;
inline constexpr size_t kLogMarginBytes = 4 * kMiB;
inline constexpr size_t kLogReserveShare = 8;  // neither is more of a segment than one part in so many
inline constexpr size_t kLogMarginShare = 4;

// The image of the state, and what of the log it makes needless.
inline constexpr size_t kCheckpointBytes = 32 * kMiB;  // of the log, applied since the last checkpoint
inline constexpr Duration kCheckpointInterval = 30s;
inline constexpr Duration kCheckpointIntervalMin = 100ms;
inline constexpr Duration kCheckpointIntervalMax = 10min;
inline constexpr size_t kCheckpointPieceRows = 512;  // bounds the loop's pause
inline constexpr size_t kRowsMarkedPerStep = 4'096;  // as does this, where all are to be written
inline constexpr size_t kCheckpointPieceBytes = kMiB;
inline constexpr size_t kImageMapBytes = 4'096 * kMiB;  // the file is only as large as what is in it
inline constexpr Duration kCheckpointRetry = 5s;        // after the disk was full
inline constexpr size_t kWrittenBetweenSyncs =
    4 * kMiB;  // of a large file, so that the disk has little to do at its end
inline constexpr size_t kImageRoomBytes = 32 * kMiB;  // with less free, a failed write may be for want of it
inline constexpr size_t kCheckpointBytesWhenFull = kMiB;  // a full disk gets the log's room back soon
inline constexpr size_t kLogTailBytes = 64 * kMiB;        // the newest entries stay for slow followers
inline constexpr size_t kLogTailEntries = 100'000;
inline constexpr size_t kLogRetainedBytesMax = 512 * kMiB;  // for members that are further behind
inline constexpr size_t kLogHeldBytesMax = 768 * kMiB;      // while somebody begins again from the state
inline constexpr size_t kLogRetainedBytesMin = kMiB;        // what an operator may lower it to
inline constexpr size_t kEntriesCutPerStepMax = 1'024;
inline constexpr size_t kAsideMax = 4;  // damaged data directories that are kept beside the one in use

// Artefacts: the whole state on its way to another node.
inline constexpr size_t kArtefactBlockBytes = 64 * kKiB;  // rows checked together, at least one
inline constexpr size_t kArtefactBlockBytesMax = kArtefactBlockBytes + 3 * kMiB;
inline constexpr uint64_t kArtefactBytesMax = 4'096 * kMiB;
inline constexpr size_t kArtefactPartBytes = 128 * kKiB;
inline constexpr size_t kArtefactPartsInFlight = 4;  // a heartbeat waits behind no more
inline constexpr size_t kArtefactJobsMax = 64;       // parts to be read or written, queued or done
inline constexpr Duration kArtefactPartRetry = 2s;   // a part that did not come is asked for again
inline constexpr Duration kArtefactPatience = 10s;   // without any part; then another offer may replace it
inline constexpr Duration kArtefactOfferInterval = 1s;
inline constexpr Duration kArtefactHold = 5min;          // the log after it stays, from its last use
inline constexpr Duration kArtefactRefusedPause = 5min;  // after one that turned out to be of no use
inline constexpr Duration kArtefactRetry = 10s;          // after it could not be made or kept

// Snapshots, for whoever wants to take the state elsewhere.
inline constexpr size_t kSnapshotsKept = 4;
inline constexpr size_t kSnapshotPartBytes = kMiB;  // of one answer
inline constexpr size_t kSnapshotQueriesMax = 16;   // queued, or done and not taken
inline constexpr Duration kSnapshotPatience = 60s;  // for a checkpoint that it is made from

// Restoring a running cluster: a snapshot's keys are staged in the replicated state, piece by piece.
inline constexpr size_t kStagingBytesMax = kStateBytesMax;  // what could not become the state is not staged
inline constexpr size_t kStagedPieceBytes = 256 * kKiB;     // of one entry, or a single row
inline constexpr size_t kStagedPieceBytesMax =
    kValueBytesMax + kNamespaceBytesMax + kKeyBytesMax + kContentTypeBytesMax + 16;
inline constexpr size_t kStagedPieceRowsMax = 4'096;  // bounds the work of one apply, as does this
// What an entry does: another number would need a version of the protocol, or states of nodes would differ.
inline constexpr size_t kStagedPiecesDroppedPerApplyMax = 64;
inline constexpr size_t kRestoreIdBytesMax = 64;
inline constexpr Duration kRestoreIdle = 10s;  // of lease time without a step; then it is given up
inline constexpr size_t kRestoreWindow = 4;    // pieces on their way to the log
inline constexpr Duration kRestoreWriteTimeout = 3s;
inline constexpr Duration kRestoreRetryMin = 100ms;  // what was refused for now is tried again, doubled up to
inline constexpr Duration kRestoreRetryMax = 2s;
inline constexpr Duration kRestorePatience = 60s;         // without a step forward
inline constexpr Duration kRestoreDiscardPatience = 10s;  // the leader sees to what is left
inline constexpr size_t kSnapshotCheckBytes = 8 * kMiB;   // read in one turn of the artefacts' thread
inline constexpr uint64_t kSnapshotUploadBytesMax = 1'024 * kMiB;
inline constexpr Duration kSnapshotUploadPatience =
    60s;  // then another one may take an unfinished one's place

// The dashboard's tables.
inline constexpr size_t kTableIdBytesMax = 32;
inline constexpr size_t kTableNameBytesMax = 128;
inline constexpr size_t kEndpointAddressBytesMax = 128;
inline constexpr size_t kInterfaceTypeBytesMax = 32;
inline constexpr size_t kSitesMax = 16'384;
inline constexpr size_t kSiteEndpointsMax = 8;
inline constexpr size_t kEndpointsMax = 20'000;  // of all sites
inline constexpr size_t kPoliciesMax = 1'024;
inline constexpr size_t kPathsMax = 4'096;             // of all policies
inline constexpr size_t kTableRowBytesMax = 4 * kKiB;  // with what it costs besides
inline constexpr uint64_t kCostMicrosMax = 1'000'000'000'000;
inline constexpr uint32_t kThresholdUsMax = 60'000'000;
inline constexpr size_t kVerdictsPerEntryMax = 1'024;  // of endpoints, and as many of paths
inline constexpr size_t kAuditKept = 20'000;           // the latest
inline constexpr size_t kAuditObjectBytesMax = 384;
inline constexpr size_t kAuditDetailBytesMax = 512;

// The dashboard's database, which is a copy of some rows of the state.
inline constexpr Duration kProjectionInterval = 50ms;  // between two transactions, so that writes gather
inline constexpr Duration kProjectionHeartbeat = 10s;  // one is done although nothing has changed
// A database that was damaged, and made again within a moment, is looked at so many times before its node is
// ready: whatever damaged it may not be over, and balancers and people shall see that it happened.
inline constexpr uint32_t kSoundReportsAfterDamage = 3;
inline constexpr size_t kProjectionPieceRows = 512;  // bounds the loop's pause
inline constexpr size_t kProjectionPieceBytes = kMiB;
inline constexpr Duration kDatabaseCheckPeriod = 1s;  // the cheap check: header, size, whose file it is
inline constexpr Duration kDatabaseSilenceMax = 10s;  // then its thread is stuck
inline constexpr Duration kDatabaseRetry = 5s;        // after it was full, or could not be opened
inline constexpr Duration kDatabaseCheckInterval = 60s;
inline constexpr Duration kDatabaseCheckIntervalMin = 1s;  // of the whole check
inline constexpr Duration kDatabaseCheckIntervalMax = 24h;
inline constexpr uint64_t kDatabaseWalBytes =
    16 * kMiB;                                 // without Litestream's checkpoints it grows no further
inline constexpr int kDatabaseBusyMs = 5'000;  // somebody else holds its lock
inline constexpr int kDatabaseSuspicions = 3;  // so often in a row a size must be wrong: see the check
inline constexpr Duration kDatabaseSuspicionPause = 100ms;
inline constexpr Duration kDatabasePauseMin =
    5s;  // one that is damaged again so soon is not made anew at once,
inline constexpr Duration kDatabasePauseMax = 5min;  // but after a pause that is doubled up to this
inline constexpr int kDatabaseCacheKiB = 2'048;
inline constexpr size_t kDatabaseAsideNumberMax = 999'999;

// Peer links.
inline constexpr size_t kFrameBytesMax = 8 * kMiB;
inline constexpr size_t kPeerOutputBytesMax = 64 * kMiB;  // past it the link is reset
inline constexpr Duration kDialTimeout = 2s;
inline constexpr Duration kHandshakeTimeout = 5s;
inline constexpr Duration kRedialDelayMin = 50ms;
inline constexpr Duration kRedialDelayMax = 1s;
inline constexpr Duration kOtherAddressPatience = 20s;  // until a node is taken to have moved
inline constexpr size_t kPeerConnectionsMax = 64;
inline constexpr uint32_t kProbesMax = 8;        // dials that shall tell whether a peer's process ended
inline constexpr Duration kProbeInterval = 5ms;  // longer by this after each
inline constexpr size_t kDialLookUpsMax = 16;    // names of single nodes that are looked up at a time

// The nodes behind one DNS name.
inline constexpr size_t kNameAddressesMax = 16;   // dialled: a cluster with two addresses for each node fits
inline constexpr size_t kNameRecordsMax = 256;    // read of one answer
inline constexpr Duration kNameInterval = 1s;     // it is looked up again while somebody is missing
inline constexpr Duration kNameIntervalMax = 5s;  // the same, doubled up to this while nothing changes
inline constexpr Duration kNameIntervalIdle = 10s;     // and while nobody is missing
inline constexpr Duration kNamePatience = 10s;         // then an answer that does not come is complained of
inline constexpr Duration kNameComplaintPause = 1min;  // the same complaint is not made again before
inline constexpr Duration kNameAddressKept = 30s;  // since it was last answered: some servers answer in parts
inline constexpr Duration kNameRest = 1min;  // this node's own address, or a second one, is looked at again
inline constexpr Duration kFoundingPatience = 3s;  // an address silent for so long does not hold founding up

// HTTP.
inline constexpr size_t kHttpConnectionsMax = 8'192;
inline constexpr size_t kHttpTargetBytesMax = 8 * kKiB;
inline constexpr size_t kHttpHeaderBytesMax = 16 * kKiB;
inline constexpr size_t kHttpHeadersMax = 100;
inline constexpr size_t kHttpBodyBytesMax = kMiB + 512 * kKiB;
inline constexpr size_t kHttpPipelineMax = 16;
inline constexpr size_t kHttpInputBytesMax = 512 * kMiB;  // unfinished requests, all together
inline constexpr size_t kHttpReplayBytesMax = 64 * kMiB;  // requests that wait for this node to catch up
inline constexpr size_t kHttpUnwrittenBytesMax =
    256 * kMiB;                                       // answers that wait for slow clients, all together
inline constexpr Duration kHttpScanInterval = 250ms;  // how exactly HTTP timeouts are kept
inline constexpr Duration kDrainTimeout = 15s;    // what is not answered by then, after the grace, is cut off
inline constexpr Duration kLeaveMargin = 500ms;   // to answer what is under way before a node is taken out
inline constexpr Duration kRemovedPatience = 2s;  // the same, at a node that the cluster has taken out
inline constexpr Duration kDrainCheck = 10ms;
inline constexpr Duration kDrainFirstRequest =
    1s;  // a new connection's first request is waited for this long
inline constexpr Duration kRequestTimeoutDefault = 10s;  // after this a write is answered 504, a read 503

// The operator's command line.
inline constexpr size_t kCtlAnswerBytesMax = 16 * kMiB;
inline constexpr size_t kCtlPagesMax = 10'000;
inline constexpr Duration kCtlTimeoutMax = 10min;

// Off site.
inline constexpr size_t kBackupTargetsMax = 8;
inline constexpr size_t kBackupTargetBytesMax = 2 * kKiB;
inline constexpr Duration kBackupRetention = 24h;        // of what Litestream has shipped
inline constexpr Duration kBackupSnapshotInterval = 6h;  // a restore reads the log since the last one
inline constexpr Duration kBackupSyncInterval = 1s;
inline constexpr Duration kBackupStateInterval = 1h;  // between state artefacts
inline constexpr size_t kBackupStatesKept = 24;       // at each target, of each node
inline constexpr size_t kBackupStatesKeptMax = 10'000;
inline constexpr Duration kBackupVerifyInterval = 24h;
inline constexpr size_t kBackupReportBytesMax = 128 * kKiB;  // what the side process tells its node
inline constexpr Duration kBackupReportInterval = 1s;
inline constexpr Duration kBackupReportStale = 15s;      // without a word from it, it is gone
inline constexpr Duration kBackupLagMax = 60s;           // a copy that is further behind is worth a word
inline constexpr size_t kBackupSamplesMax = 4'096;       // positions that the slowest target has not reached
inline constexpr Duration kBackupRestartDelayMax = 30s;  // between two starts of a Litestream that ends
inline constexpr Duration kBackupStuckMin = 60s;         // a target that takes nothing: another Litestream
inline constexpr Duration kBackupStuckMax = 15min;       // the same, after it did not help
inline constexpr size_t kBackupOutputBytesMax = 64 * kKiB;     // kept of what a program says
inline constexpr Duration kBackupRestorePatience = 1h;         // for one database
inline constexpr Duration kBackupRequestPatience = 10min;      // of an object at a target
inline constexpr Duration kBackupNowPatience = 2min;           // a heartbeat on its way to every target
inline constexpr size_t kBackupListPagesMax = 1'000;           // of a thousand names each
inline constexpr size_t kBackupObjectBytesMax = 1'024 * kMiB;  // a state artefact
inline constexpr size_t kBackupTablesMax = 64;
inline constexpr size_t kBackupTimeTries = 16;  // to come as close as can be to a point in time, from below
inline constexpr size_t kBackupGenerationsMax = 10'000;

// TLS.
inline constexpr size_t kTlsFileBytesMax = kMiB;           // a PEM file; bundles of authorities can be long
inline constexpr size_t kTlsChainBytesMax = 64 * kKiB;     // the certificates that the other end shows
inline constexpr int kTlsChainDepthMax = 4;                // authorities between a certificate and its root
inline constexpr size_t kTlsHandshakesMax = 1'024;         // streams that came in and have not done theirs
inline constexpr size_t kTlsControlBytesMax = 256 * kKiB;  // of handshake, alerts and the like, not yet taken
inline constexpr size_t kTlsComplaintsMax = 64;            // different complaints a minute that get a line
inline constexpr size_t kTlsRevokedMax = 10'000;  // certificates on a list; 50 bytes of its file for each
inline constexpr size_t kClusterSecretBytesMin = 32;
inline constexpr size_t kClusterSecretBytesMax = 128;

// Health.
inline constexpr uint64_t kReadyLagEntriesMax = 10'000;
inline constexpr Duration kWatchdogTimeout = 10s;  // the loop must turn at least this often

// The SD-WAN engine and its probes.
inline constexpr size_t kProbeWindow = 60;         // outcomes that latency, jitter and loss are told from
inline constexpr size_t kProbesJudged = 8;         // the last of them, by which reachability is judged
inline constexpr size_t kProbesMissedToFall = 7;   // of those: what was reachable is no longer
inline constexpr size_t kProbesHeardToRise = 8;    // of those: it is again
inline constexpr size_t kFirstVerdictProbes = 20;  // of a path that nothing was said of yet
inline constexpr size_t kDegradedAfter = 3;        // outcomes in a row that say so
inline constexpr size_t kRestoredAfter = 8;
inline constexpr uint8_t kScoreDegraded = 50;     // below it a path is degraded
inline constexpr uint8_t kScoreRestored = 60;     // from here on no longer
inline constexpr uint8_t kScoreChange = 10;       // a difference that is worth an entry,
inline constexpr Duration kScoreChangeHeld = 5s;  // once it has been there for so long
inline constexpr Duration kSeenGranularity =
    1min;  // how exactly the log knows when an endpoint was last heard
inline constexpr Duration kVerdictInterval = 1s;
inline constexpr Duration kVerdictRetry = 5s;      // of a proposal that nothing is seen of
inline constexpr size_t kVerdictScan = 4'096;      // endpoints and paths that one second's verdicts look at
inline constexpr Duration kProbeTimeout = 2s;      // an answer that comes later is late
inline constexpr Duration kPathProbeTimeout = 4s;  // the way to the first site and back is a part of it
inline constexpr Duration kProbeRemembered = 10s;  // so long it is known of a probe that it was answered
inline constexpr Duration kProbeIntervalMin = 50ms;
inline constexpr Duration kProbeIntervalMax = 60s;
inline constexpr size_t kProbesPerSecond = 2'000;  // with more targets each is probed less often
inline constexpr size_t kProbesPerTurn = 64;       // of the loop
inline constexpr Duration kProbeTurn = 10ms;       // that is wanted no sooner after the last
inline constexpr Duration kProbeStall = 500ms;  // a longer turn: what was on its way then counts for nothing
inline constexpr size_t kProbesRemembered = 32'768;
inline constexpr size_t kProbeEndpointsForCutOff = 3;  // fewer that are silent say nothing of the node itself
inline constexpr size_t kSamplesKept = 600;            // of an endpoint or path
inline constexpr size_t kSamplesKeptAll = 1'000'000;   // of all; with more targets fewer of each
inline constexpr size_t kSamplesKeptMin = 40;
inline constexpr int64_t kSampleMinutesMax = 60;  // that are asked for
inline constexpr Duration kEngineSilenceMax =
    10s;  // an engine that has not turned for so long makes the node unready
inline constexpr size_t kProbeDatagramBytesMax = 512;
inline constexpr int kProbeSocketBytes = 1 << 20;  // of answers that have come and are not read yet
// Names of endpoints.
inline constexpr size_t kProbeLookUpsMax = 2;         // at a time
inline constexpr Duration kProbeNameKept = 60s;       // then it is looked up again
inline constexpr Duration kProbeNameRetry = 5s;       // that was not found
inline constexpr Duration kProbeNameTrusted = 10min;  // an old answer, while no new one comes
// The other end.
inline constexpr size_t kForwardsMax = 4'096;  // on their way to another site
inline constexpr Duration kForwardTimeout = 2s;
inline constexpr size_t kResponderNoncesKept = 16'384;  // a probe that comes twice is answered once
inline constexpr size_t kResponderNamesMax = 4'096;

// Accounts and sessions, in the shell.
inline constexpr size_t kWrappedPlainBytesMax = 4 * kKiB;  // a signing key has 32 bytes
inline constexpr size_t kMacLabelsMax = 16;                // keys derived once and kept
inline constexpr Duration kKeyCheckInterval = 500ms;       // of signing keys, by every node
inline constexpr size_t kAccountBodyBytesMax = 16 * kKiB;
inline constexpr size_t kUsersPageMax = 100;
inline constexpr uint32_t kLoginFailuresPerUser = 10;  // from one address, before it must wait
inline constexpr Duration kLoginFailurePerUserRefill = 30s;
inline constexpr uint32_t kLoginFailuresPerAddress = 100;
inline constexpr Duration kLoginFailurePerAddressRefill = 3s;
inline constexpr size_t kPasswordBytesMin = 12;
inline constexpr size_t kPasswordBytesMax = 256;
inline constexpr size_t kPasswordHashBytesMax = 256;           // the stored form
inline constexpr uint32_t kPasswordMemoryKiBMax = 64 * 1'024;  // what a stored form may ask for
inline constexpr uint32_t kPasswordPassesMax = 10;
inline constexpr uint32_t kPasswordLanesMax = 4;
inline constexpr size_t kPasswordWorkersMax = 4;
inline constexpr size_t kPasswordJobsMax = 64;  // queued, under way, or done and not taken
inline constexpr size_t kTokenBytesMax = 4 * kKiB;
inline constexpr size_t kTokenKeyIdBytesMax = 64;
inline constexpr size_t kTokenClaimBytesMax = 255;
inline constexpr size_t kTokenCacheEntriesMax = 16'384;
inline constexpr size_t kRateLimitKeysMax = 32'768;
inline constexpr size_t kRateLimitKeyBytesMax = 320;  // an email address and a network address
inline constexpr uint32_t kRateLimitBurstMax = 100'000;
inline constexpr Duration kRateLimitRefillMax = 1h;  // for one token
inline constexpr size_t kTrustedProxiesMax = 64;
inline constexpr size_t kForwardedHopsMax = 32;

static_assert(kEntryBytesMax >= kBatchBytesMax + kBatchOpsMax * (kKeyBytesMax + 64),
              "any batch fits an entry");
static_assert(kEntryBytesMax >= kValueBytesMax + kKeyBytesMax + kContentTypeBytesMax + 1024);
static_assert(kHttpBodyBytesMax >= kBatchBytesMax);
static_assert(1 + kNamespaceBytesMax + 1 + kKeyBytesMax <= kRowKeyBytesMax, "any key has a row");
static_assert(1 + kAccountIdBytesMax <= kRowKeyBytesMax);
static_assert(2 * (kTableIdBytesMax + kEndpointAddressBytesMax) + 4 <= kRowKeyBytesMax, "any path has a row");
static_assert(kDatabaseSilenceMax > kDatabaseRetry + kDatabaseCheckPeriod,
              "one that is waited for is not silent");
static_assert(kTableRowBytesMax >
              512 + kTableNameBytesMax +
                  kSiteEndpointsMax * (kEndpointAddressBytesMax + kInterfaceTypeBytesMax + 256));
static_assert(kVerdictsPerEntryMax * (5 * (kTableIdBytesMax + kEndpointAddressBytesMax) + 64) <
              kEntryBytesMax);
static_assert(kFrameBytesMax >= kAppendBytesMax + kEntryBytesMax + 64 * kKiB, "an append fits a frame");
static_assert(kWalBatchBytesMax >= kAppendBytesMax + 2 * kEntryBytesMax,
              "whatever one step persists fits a batch");
static_assert(kWalSegmentBytes >= kWalSegmentHeaderBytes + kWalBatchBytesMax, "a batch fits a segment");
static_assert(kLogReserveBytes <= kWalSegmentBytes / kLogReserveShare);
static_assert(kLogMarginBytes <= kWalSegmentBytes / kLogMarginShare);
static_assert(kLogMarginBytes >= kLogReserveBytes + kAppendBytesMax + kEntryBytesMax,
              "an append that was under way fits the margin");
static_assert(kInflightBytesMax >= kAppendBytesMax + kEntryBytesMax);
static_assert(kPeerOutputBytesMax >= kInflightBytesMax + kFrameBytesMax);
static_assert(kNameAddressesMax >= 2 * kMembersMax);
static_assert(kNameAddressesMax + kPeerTargetsMax + kMembersMax < kPeerConnectionsMax,
              "however many are dialled, others can come");
static_assert(kFoundingPatience > kDialTimeout, "an address was dialled before it counts as nobody's");
static_assert(kNameAddressKept > 2 * kNameIntervalIdle);
static_assert(kPeerOutputBytesMax >= kPendingWriteBytesMax + kEntryBytesMax + kInflightBytesMax,
              "a resend fits a link");
static_assert(kProposalsUncommittedBytesMax >= kPendingWriteBytesMax + kEntryBytesMax);
static_assert(kTlsControlBytesMax >= kTlsChainBytesMax + 32 * kKiB, "a handshake with any chain fits");
static_assert(kTlsFileBytesMax >= 64 * kTlsRevokedMax, "a full list of revoked certificates can be read");
static_assert(kListBytesMax >= kValueBytesMax, "a page holds at least one item");
static_assert(kBatchResultBytesMax >= kValueBytesMax + kBatchOpsMax * (kKeyBytesMax + 64),
              "a batch may get any value");
static_assert(kElectionWindowMin <= kElectionTimeoutMin);
static_assert(kWritesInFlightMax < (uint64_t{1} << kSequenceBitsPerBoot));
static_assert(kStateBytesMax < kLogBytesMax);
static_assert(kLogTailBytes + 2 * kCheckpointBytes < kLogRetainedBytesMax);
static_assert(kLogRetainedBytesMax < kLogHeldBytesMax);
static_assert(kLogHeldBytesMax + 2 * kCheckpointBytes + kWalSegmentBytes < kLogBytesMax,
              "a member that is away never costs a write");
static_assert(kImageMapBytes >= 8 * (kStateBytesMax + kStagingBytesMax),
              "the image has room for two states and what is staged, half full pages");
static_assert(kEntryBytesMax >= kStagedPieceBytesMax + kStagedPieceBytes, "a staged piece fits an entry");
static_assert(kStagedPieceBytesMax + kStagedPieceBytes < kArtefactBlockBytesMax, "and is a row");
static_assert(kPendingWriteBytesMax >= 4 * kRestoreWindow * kStagedPieceBytesMax,
              "others may write meanwhile");
static_assert(kRestoreIdle > 2 * kRestoreWriteTimeout, "who is alive is not given up");
static_assert(kSnapshotPartBytes < kHttpBodyBytesMax);
static_assert(kArtefactBlockBytesMax >= kArtefactBlockBytes + kRowKeyBytesMax + kEntryBytesMax,
              "any row fits a block");
static_assert(kArtefactBytesMax >= kImageMapBytes, "whatever an image holds can be given away");
static_assert(kArtefactPartBytes * kArtefactPartsInFlight <= kInflightBytesMax,
              "parts hold a link up no longer than entries do");
static_assert(kArtefactJobsMax >= (kMembersMax + 1) * kArtefactPartsInFlight);
static_assert(kArtefactPatience > 2 * kArtefactPartRetry);
static_assert(kSessionIdleMin >= kTouchGranularity + 10 * kTouchInterval);
static_assert(kEntryBytesMax >= kTouchesPerEntryMax * (kAccountIdBytesMax + 4) + 1024);
static_assert(kProbesJudged <= kFirstVerdictProbes && kFirstVerdictProbes <= kProbeWindow);
static_assert(kProbesMissedToFall <= kProbesJudged && kProbesHeardToRise <= kProbesJudged);
static_assert(kProbesMissedToFall + kProbesHeardToRise > kProbesJudged, "no window says both");
static_assert(kPathProbeTimeout >= kForwardTimeout + kProbeTimeout);
static_assert(kProbeRemembered > kPathProbeTimeout);
static_assert(kProbesPerSecond * 10 <= kProbesRemembered, "a probe is remembered for kProbeRemembered");
static_assert((kEndpointsMax + kPathsMax) * kSamplesKeptMin <= kSamplesKeptAll);
static_assert(kProbesPerTurn * 100 >= kProbesPerSecond, "turns are often enough");
static_assert(kRateLimitRefillMax.count() <= (int64_t{1} << 60) / kRateLimitBurstMax,
              "no bucket's time to fill overflows");
static_assert(kPasswordBytesMin < kPasswordBytesMax);
static_assert(kTokenBytesMax < kHttpHeaderBytesMax, "a token fits the headers of a request");

}  // namespace patronus::limits
