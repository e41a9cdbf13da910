"""Doors for other programs: an OpenAI-compatible API and MCP, each opened by a token with the least scope it needs.

`refusals` says which paths are doors, which scopes open them and in which form each says no; `house` what they need
of a vault. The OpenAI door is `chat_request`, `chat_answer` and `chat_routes`, with `home_wish` and `client_tools` for
what a client offers to do, and `recording_request` and `transcriptions` for speech; the MCP door is `mcp_endpoint`,
`mcp_protocol` and `mcp_tools`, with `day_words` and `notice`.
"""
