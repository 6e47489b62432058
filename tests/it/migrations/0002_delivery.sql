insert into delivery (id, event, encoding, body, hook_id, target_type, target_id, secret_index)
values
    ('0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55', 'ping', 'json', '{"zen":"Design for failure."}', 17, 'integration', 4, 0),
    ('1b41ad38-5a43-4c36-8c19-6a7c6f0a5b55', 'ping', 'form', 'payload=%7B%7D', null, null, null, 1);
