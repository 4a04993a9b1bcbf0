-- codling in Neovim >= 0.12: ghost text from `codling lsp`, by Neovim's own inline completion.
--
--   <Tab>    takes the suggestion; where there is none it is the <Tab> that it was
--   <M-]>    the next alternative, <M-[> the one before
--   :Codling on | off | status
--
-- To change anything, set it before this file is read:
--   vim.g.codling = { cmd = { '/path/to/codling', 'lsp' }, filetypes = { 'python' }, keys = false,
--                     settings = { kind = 'block', inStrings = false } }
-- The settings are those of the language server, docs/lsp.md.

if vim.g.loaded_codling then
  return
end
vim.g.loaded_codling = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('codling needs Neovim 0.12 or newer for ghost text', vim.log.levels.WARN)
  return
end

local options = vim.g.codling or {}
-- Neovim's keys for alternatives go through those that it has, and ask for none.
local settings = vim.tbl_extend('force', { alternativesAtOnce = true }, options.settings or {})
local inline = vim.lsp.inline_completion -- nil before 0.12, where the list of completions works all the same

vim.lsp.config('codling', {
  cmd = options.cmd or { 'codling', 'lsp' },
  filetypes = options.filetypes or { 'python', 'java' },
  root_markers = { 'pyproject.toml', 'setup.py', 'pom.xml', 'build.gradle', '.git' },
  init_options = settings,
})
vim.lsp.enable('codling')

local function accept()
  return inline.get() and '' or '<Tab>'
end

vim.api.nvim_create_autocmd('LspAttach', {
  group = vim.api.nvim_create_augroup('codling', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if not client or client.name ~= 'codling' or not inline then
      return
    end
    inline.enable(true, { bufnr = event.buf })
    if options.keys == false then
      return
    end
    local function map(key, action, description, expr)
      vim.keymap.set('i', key, action, { buffer = event.buf, expr = expr, desc = 'codling: ' .. description })
    end
    map('<Tab>', accept, 'take the suggestion, or indent', true)
    map('<M-]>', function() inline.select({ count = 1 }) end, 'next alternative')
    map('<M-[>', function() inline.select({ count = -1 }) end, 'alternative before')
  end,
})

vim.api.nvim_create_user_command('Codling', function(command)
  local client = vim.lsp.get_clients({ name = 'codling' })[1]
  if not client then
    vim.notify('codling does not run here; :checkhealth vim.lsp says more', vim.log.levels.WARN)
  elseif command.args == 'status' then
    client:request('codling/status', vim.empty_dict(), function(error, status)
      vim.notify(error and error.message or vim.inspect(status))
    end)
  else
    local changed = vim.tbl_extend('force', settings, { enabled = command.args == 'on' })
    client:notify('workspace/didChangeConfiguration', { settings = { codling = changed } })
  end
end, {
  nargs = 1,
  complete = function() return { 'on', 'off', 'status' } end,
  desc = 'codling: on, off or status',
})
