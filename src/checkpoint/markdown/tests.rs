use super::*;
use crate::checkpoint::fixture;

fn markdown(summary: &Summary, budget: Budget) -> String {
    let excerpts = Excerpts::from([(
        "app@production".parse().expect("a key"),
        "starting\n```\nconnection refused".to_owned(),
    )]);
    let beside = Beside {
        marker: Some("<!-- deploy-action relay -->"),
        excerpts: &excerpts,
    };
    to_markdown(summary, &beside, budget)
}

#[test]
fn a_failed_run_says_what_failed_first_and_what_is_next() {
    insta::assert_snapshot!(markdown(&fixture::failed_run().summary(), Budget::COMMENT), @r#"
    <!-- deploy-action relay -->

    ## Deployment of relay: failed

    **5 tasks: 1 failed, 1 waiting, 1 blocked, 1 done but not proved, 1 done and verified** · not all of it on the real thing: see Effects · environment `production` · commit `4f2a9c1d` · [run 4711](https://github.com/o/r/actions/runs/4711) · by `octocat`

    > **Next:** Repair task `app@production`: look at the log of the server.
    >
    > Then:
    > - Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.

    ### 1 failure

    - **`app@production`** (release): check `http` did not hold: `status` is 503, required 200
      - **Hint:** look at the log of the server
      - at 2026-11-21 08:02:40 UTC · exit code 2 · log `logs/4711/app@production/attempt-1/log.txt`
      - Blocks `page@production`

      ````text
      starting
      ```
      connection refused
      ````


    ### 2 decisions: 1 open; approved or confirmed: 1

    | Decision | Answer | By | At | Why |
    | --- | --- | --- | --- | --- |
    | `tls`<br>Who signs? | **open**, one of letsencrypt, own; advised: letsencrypt | – | – | – |
    | `expose`<br>Load balancer or ingress? | ingress | @&#8203;relay/operators | 2026-11-20 | It is there |

    - phase `release` in `production` approved by `hubot` at 2026-11-21 08:01:36 UTC

    ### 2 phases

    <details><summary>Phase <code>publish</code>: 2 tasks: 1 done but not proved, 1 done and verified</summary>

    | Task | State | Took | Outside | Checks |
    | --- | --- | --- | --- | --- |
    | `build`<br>run | ○ done but not proved | 1 min 12 s of 2 min expected, attempt 2 | real | – |
    | `server`<br>image | ✓ done and verified | 12 s | stand-in | 1 of 1 held |

    - Outputs of `server`: digest = `sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, reference = `ghcr.io/o/relay@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, tags = `["main","sha-4f2a9c1"]`

    </details>

    **Phase `release`: 3 tasks: 1 failed, 1 waiting, 1 blocked**

    | Task | State | Took | Outside | Checks |
    | --- | --- | --- | --- | --- |
    | `app@production`<br>run | ✗ **failed**: check `http` did not hold: `status` is 503, required 200 | 1 min | real | 0 of 1 held |
    | `page@production`<br>run | · blocked: on `app@production` | – | – | – |
    | `signed@production`<br>gate | ‖ **waiting**: for decision `tls` | – | – | – |

    ### 2 checks: 1 failed, 1 held

    | Check | Verdict | Required | Observed | When |
    | --- | --- | --- | --- | --- |
    | `app@production/http` | **failed**: `status` is not 200 | status `200` | status `503` | 08:02:40 UTC (real, asked 3 times in 12 s) |

    <details><summary>1 check with what was required and observed</summary>

    | Check | Verdict | Required | Observed | When |
    | --- | --- | --- | --- | --- |
    | `server/listed` | held | exists `true` | exists `true` | 08:01:35 UTC (real, asked 3 times in 12 s) |

    </details>

    ### 1 image

    | Task | Reference | Tags | Read back by | Registry |
    | --- | --- | --- | --- | --- |
    | `server` | `ghcr.io/o/relay@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` | `main`, `sha-4f2a9c1` | its push | stand-in: registry at 127.0.0.1:5000 |

    ### Effects of 3 tasks: 1 stand-in, 2 real

    <details><summary>3 effects</summary>

    | Task | Effect | Other side |
    | --- | --- | --- |
    | `build` | run make | real |
    | `server` | push ghcr.io/o/relay@&#8203;sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | stand-in: registry at 127.0.0.1:5000 |
    | `app@production` | run ./deploy.sh | real |

    </details>

    ### 2 open items

    Of 2 items in “Relay”: 2 covered by nothing.

    | Item | Words | State |
    | --- | --- | --- |
    | `E1` (line 3) | The image | covered by nothing |
    | `E2` (line 4) | The alarm | covered by nothing |

    ### Goals and risks: 1 of 2 goals proved, 1 risk

    | Goal | Word | Proof |
    | --- | --- | --- |
    | The image is published | proved | `server/listed` |
    | It is fast | claimed | – |

    <details><summary>1 risk</summary>

    | Risk | Likelihood / impact | Mitigation | Word | Proof |
    | --- | --- | --- | --- | --- |
    | The node vanishes | medium / low | Nothing on it is the only copy | claimed | – |

    </details>

    ### Costs a month: 1.46 USD of 5.00 in production

    <details><summary>1 line</summary>

    | Task | What | A month |
    | --- | --- | --- |
    | `app@production` | node | 1.46 USD |

    </details>

    ### Way back: 2 steps, in this order

    <details><summary>The way back of 2 tasks</summary>

    |  | Task | Way | Data loss | Gone |
    | --- | --- | --- | --- | --- |
    | 1 | `app@production` | its own command | none (its proof failed) | – |
    | 2 | `server` | previous: the tags return | not stated | – |

    </details>

    <sub>As of 2026-11-21 08:10:00 UTC.</sub>
    "#);
}

#[test]
fn a_small_budget_leaves_the_head_and_the_failures() {
    insta::assert_snapshot!(markdown(&fixture::failed_run().summary(), Budget::Characters(2_000)), @r"
    <!-- deploy-action relay -->

    ## Deployment of relay: failed

    **5 tasks: 1 failed, 1 waiting, 1 blocked, 1 done but not proved, 1 done and verified** · not all of it on the real thing: see Effects · environment `production` · commit `4f2a9c1d` · [run 4711](https://github.com/o/r/actions/runs/4711) · by `octocat`

    > **Next:** Repair task `app@production`: look at the log of the server.
    >
    > Then:
    > - Answer decision `tls` in `deploy.yaml` (advised: `letsencrypt`): `signed@production` waits for it.

    ### 1 failure

    - **`app@production`** (release): check `http` did not hold: `status` is 503, required 200
      - **Hint:** look at the log of the server
      - at 2026-11-21 08:02:40 UTC · exit code 2 · log `logs/4711/app@production/attempt-1/log.txt`
      - Blocks `page@production`

    ### 2 decisions: 1 open; approved or confirmed: 1

    - `tls` open

    ### 2 phases

    **Phase `publish`: 2 tasks: 1 done but not proved, 1 done and verified**

    **Phase `release`: 3 tasks: 1 failed, 1 waiting, 1 blocked**

    | Task | State |
    | --- | --- |
    | `app@production` | ✗ **failed**: check `http` did not hold: `status` is 503, required 200 |
    | `page@production` | · blocked: on `app@production` |
    | `signed@production` | ‖ **waiting**: for decision `tls` |

    ### 2 checks: 1 failed, 1 held

    | Check | Verdict | Required | Observed | When |
    | --- | --- | --- | --- | --- |
    | `app@production/http` | **failed**: `status` is not 200 | status `200` | status `503` | 08:02:40 UTC (real, asked 3 times in 12 s) |

    ### 1 image

    - `server`: `ghcr.io/o/relay@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    ### 2 open items

    Of 2 items in “Relay”: 2 covered by nothing.

    ### Goals and risks: 1 of 2 goals proved, 1 risk

    ### Way back: 2 steps, in this order

    _Shortened to fit: failures, decisions and approvals, phases, checks, images, effects, open items, goals and risks, costs and way back._

    <sub>As of 2026-11-21 08:10:00 UTC.</sub>
    ");
}
