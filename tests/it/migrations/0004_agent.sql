-- A call that is over and one whose process died before its answer; the beginning of a transcript.

insert into llm_call (run_id, installation_id, role, step_key, turn, model, state, request_bytes, reserved_micro_dollars,
                      input_tokens, output_tokens, micro_dollars, estimated, duration_ms, error)
values
    (1, 7, 'planner', 'plan-1', 1, 'anthropic/claude', 'settled', 9000, 50000, 2600, 300, 12000, false, 900, null),
    (1, 7, 'coder', 'work-fix-1', 1, 'anthropic/claude', 'open', 9000, 50000, 0, 0, 0, false, null, null);

insert into turn (run_id, step_key, position, kind, body, prev_hash, hash)
values (1, 'work-fix-1', 0, 'opening',
        '{"kind":"opening","role":"coder","model":"anthropic/claude","system":"Be brief.","task":"Fix it."}',
        '0000000000000000000000000000000000000000000000000000000000000000',
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
