/** The page's start. */
import { render } from 'preact'
import { follow } from './agent/agent.js'
import { App } from './app.js'

const root = document.getElementById('page')
if (root !== null) {
  follow()
  render(<App />, root)
}
